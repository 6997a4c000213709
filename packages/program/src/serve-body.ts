/** Reads a JSON or form body, bounded, as strict UTF-8. */
import { GridError } from '@kolejka/protocol';
import express, { type Request, type Response } from 'express';

const STRICT = new TextDecoder('utf-8', { fatal: true });

/**
 * Answers a function that reads the body of a request as an object.
 *
 * The original's clients send JSON without a Content-Type, so only forms are told apart.
 * @param largest in bytes, also after decompression
 * @throws GridError `bad-json`, `too-large`, `bad-body`
 */
export function bodyReader(largest: number): (request: Request, response: Response) => Promise<unknown> {
  const readRaw = express.raw({ type: () => true, limit: largest });
  return async (request, response) => {
    await new Promise<void>((resolve, reject) => {
      readRaw(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    });
    return parseBody(request);
  };
}

function parseBody(request: Request): unknown {
  const raw: unknown = request.body;
  try {
    const text = Buffer.isBuffer(raw) ? STRICT.decode(raw) : '';
    if (request.is('application/x-www-form-urlencoded') !== false && !text.trimStart().startsWith('{')) {
      return Object.fromEntries(new URLSearchParams(text));
    }
    return JSON.parse(text === '' ? '{}' : text);
  } catch (cause) {
    throw new GridError('bad-json', 'The body is not JSON in UTF-8.', { cause });
  }
}
