/** Reads a JSON or form body, bounded in bytes, in time, and in what all bodies together may hold. */
import { GridError } from '@kolejka/protocol';
import type { Request } from 'express';
import { type BodyRules, readBytes } from './serve-bytes.ts';
import { readJson } from './serve-json.ts';

/** Bodies that are read at the same time may have so many bytes, all together; more are refused for the moment. */
const ALL_BODIES = 256 * 1024 ** 2;

/** Bodies of so few bytes take no room: whoever sends many large ones slowly must not keep others from logging in. */
const SMALL = 16 * 1024;

/** Largest form, in bytes: a login has two fields. */
const LARGEST_FORM = 16 * 1024;

const STRICT = new TextDecoder('utf-8', { fatal: true });

export type ReadBody = (request: Request) => Promise<unknown>;

/** Answers the function that makes readers of bodies; these share their room. */
export function openBodies(room = ALL_BODIES, small = SMALL): (rules: BodyRules) => ReadBody {
  let held = 0;
  return (rules) => async (request) => {
    const most = Math.min(sizeOf(request) ?? rules.largest, rules.largest);
    const size = most <= small ? 0 : most;
    if (size > 0 && held > 0 && held + size > room) {
      throw new GridError('busy', 'Many large bodies are being read; send it again in a moment.', { retryAfterS: 1 });
    }
    held += size;
    try {
      return await readObject(request, await readBytes(request, rules), rules.largest);
    } finally {
      held -= size;
    }
  };
}

/** What the caller says it sends, where that is what will be held in the end. */
function sizeOf({ headers }: Request): number | undefined {
  const length = headers['content-length'];
  return length === undefined || headers['content-encoding'] !== undefined ? undefined : Number(length);
}

/**
 * The original's clients send JSON without a Content-Type, so only forms are told apart.
 * @throws GridError `bad-json`, `bad-value`, `too-large`
 */
async function readObject(request: Request, bytes: Buffer, largest: number): Promise<unknown> {
  if (bytes.length === 0) return {};
  const isForm = request.is('application/x-www-form-urlencoded') !== false;
  return isForm && !looksLikeJson(bytes) ? readForm(bytes) : await readJson(bytes, largest);
}

function looksLikeJson(bytes: Buffer): boolean {
  return bytes.subarray(0, 100).toString('latin1').trimStart().startsWith('{');
}

function readForm(bytes: Buffer): Record<string, string> {
  if (bytes.length > LARGEST_FORM) {
    throw new GridError('too-large', `The form has more than ${LARGEST_FORM} bytes.`);
  }
  try {
    return Object.fromEntries(new URLSearchParams(STRICT.decode(bytes)));
  } catch (cause) {
    throw new GridError('bad-json', 'The body is not a form in UTF-8.', { cause });
  }
}
