/** The JSON files of task and result directories. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { GridError } from '@kolejka/protocol';

/**
 * The JSON of a file.
 * @throws GridError `no-file`, or `bad-json` saying where
 */
export async function readSpec(file: string, what: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const sentence = code === 'ENOENT' ? `${file} is not there: ${what}` : `${file} cannot be read: ${message}`;
    throw new GridError('no-file', `${sentence}.`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GridError('bad-json', `${file} is not JSON: ${placed((cause as Error).message, text)}.`, { cause });
  }
}

/** The parser's sentence on one line, with line and column where it tells the place or it is the end. */
function placed(message: string, text: string): string {
  const sentence = message.replaceAll(/\s+/g, ' ');
  if (/line \d+ column \d+/.test(sentence)) return sentence;
  const position = /at position (\d+)/.exec(sentence)?.[1];
  if (position === undefined && !sentence.includes('end of JSON')) return sentence;
  const before = text.slice(0, position === undefined ? text.length : Number(position)).split('\n');
  return `${sentence} (line ${before.length} column ${(before.at(-1) ?? '').length + 1})`;
}

/** Writes JSON as the original does: sorted names, two spaces, no newline at the end; at once, by renaming. */
export async function writeSpec(file: string, value: unknown): Promise<void> {
  const aside = path.join(path.dirname(file), `.kolejka-${randomUUID()}`);
  await writeFile(aside, printSpec(value), { flag: 'wx' });
  await rename(aside, file);
}

/** JSON as the original writes it into directories. */
export function printSpec(value: unknown): string {
  return JSON.stringify(sorted(value), null, 2);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  // Without a prototype: a file may be called `__proto__`.
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, inner] of Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    object[name] = sorted(inner);
  }
  return object;
}
