/** How values of the settings are written: sizes, lists, words. */
import { parseString } from '@kolejka/program';
import { GridError, parseBytes } from '@kolejka/protocol';

/**
 * A number of bytes, at least one.
 * @throws GridError `bad-value`
 */
export function parseSize(text: unknown, field: string): number {
  const bytes = parseBytes(text, field);
  if (bytes > 0) return bytes;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not a size of one byte or more`, { field });
}

/** A list, separated by commas or lines. */
export function parseList(text: unknown, field: string): string[] {
  return parseString(text, field)
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/**
 * A text that can stand in a header.
 * @throws GridError `bad-value`
 */
export function parseHeader(text: unknown, field: string): string {
  const value = parseString(text, field);
  if (/^[\x20-\x7e]{1,200}$/.test(value)) return value;
  throw new GridError('bad-value', `${field}: expected 1 to 200 visible characters`, { field });
}

/**
 * One of some words.
 * @throws GridError `bad-value`
 */
export function parseWord<Word extends string>(...words: readonly Word[]): (text: unknown, field: string) => Word {
  return (text, field) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new GridError('bad-value', `${field}: expected one of ${words.join(', ')}`, { field });
  };
}
