/** The body of a request: one JSON object, or nothing. */
import type { IncomingMessage } from 'node:http';
import { GridError, OBSERVER_CONTENT_TYPE } from '@kolejka/protocol';

/** The largest request is one with all limits. */
const LARGEST_BODY = 16 * 1024;

/** The original's observer takes any charset; ours is UTF-8, said or not. */
const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;

/**
 * The object that a request carries; an empty one when it has no body.
 * @throws GridError `bad-body`, `bad-json`, `too-large`
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const text = await readText(request);
  if (text === '') return {};
  if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
    throw new GridError('bad-body', `The Content-Type must be ${OBSERVER_CONTENT_TYPE}.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GridError('bad-json', 'The body is not JSON.', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GridError('bad-json', 'The body must be one JSON object.');
  }
  return value;
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const tooLarge = () => new GridError('too-large', `A request has at most ${LARGEST_BODY} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_BODY) throw tooLarge();
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LARGEST_BODY) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    throw new GridError('bad-body', 'The connection ended before the body did.', { cause });
  }
  return Buffer.concat(chunks).toString();
}
