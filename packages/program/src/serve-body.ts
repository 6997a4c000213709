/** Reads a JSON or form body, bounded in bytes and in time, as strict UTF-8. */
import { GridError } from '@kolejka/protocol';
import express, { type Request, type Response } from 'express';

const STRICT = new TextDecoder('utf-8', { fatal: true });

/**
 * Answers a function that reads the body of a request as an object.
 *
 * The original's clients send JSON without a Content-Type, so only forms are told apart.
 * @param largest in bytes, also after decompression
 * @param withinMs a caller that takes longer is refused: some of these bodies come from callers nobody knows
 * @throws GridError `bad-json`, `too-large`, `bad-body`
 */
export function bodyReader(
  largest: number,
  withinMs: number,
): (request: Request, response: Response) => Promise<unknown> {
  const readRaw = express.raw({ type: () => true, limit: largest });
  return async (request, response) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      reject(new GridError('bad-body', `The body did not come whole within ${withinMs / 1000} s.`));
    }, withinMs);
    readRaw(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
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
