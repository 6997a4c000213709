/** Texts, numbers and words of JSON, from bytes that are UTF-8. */
import { GridError } from '@kolejka/protocol';

/** A value, and where the bytes go on behind it. */
export interface Scanned<Value> {
  value: Value;
  end: number;
}

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** No program writes a longer one. */
const LONGEST_NUMBER = 1000;
const WORDS: readonly [Buffer, unknown][] = [
  [Buffer.from('true'), true],
  [Buffer.from('false'), false],
  [Buffer.from('null'), null],
];

/**
 * The text in quotes at `start`.
 * @param longest in bytes, as it is written
 * @throws GridError `bad-value`, `too-large`; undefined where it is no JSON
 */
export function scanText(bytes: Buffer, start: number, longest: number): Scanned<string> | undefined {
  let end = start + 1;
  let plain = true;
  for (; bytes[end] !== QUOTE; end += 1) {
    const byte = bytes[end];
    if (byte === undefined || byte < 0x20) return undefined;
    if (end - start > longest) throw new GridError('too-large', `a text of more than ${longest} bytes`);
    if (byte !== BACKSLASH) continue;
    plain = false;
    end += 1;
  }
  if (plain) return { value: bytes.toString('utf8', start + 1, end), end: end + 1 };
  const value = unescape(bytes.toString('utf8', start, end + 1));
  return value === undefined ? undefined : { value, end: end + 1 };
}

function unescape(quoted: string): string | undefined {
  let text: string;
  try {
    text = JSON.parse(quoted) as string;
  } catch {
    // An escape that JSON does not have.
    return undefined;
  }
  if (text.isWellFormed()) return text;
  throw new GridError('bad-value', 'half a surrogate pair');
}

/**
 * The number at `start`.
 * @throws GridError `bad-value` for one that is out of reach, such as 1e999; undefined where it is no JSON
 */
export function scanNumber(bytes: Buffer, start: number): Scanned<number> | undefined {
  let end = start;
  while (isNumeral(bytes[end]) && end - start <= LONGEST_NUMBER) end += 1;
  const text = bytes.toString('latin1', start, end);
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && text.length <= LONGEST_NUMBER) return { value, end };
  throw new GridError('bad-value', `${text.slice(0, 20)} is too large a number`);
}

/** `true`, `false` or `null` at `start`; undefined where it is none. */
export function scanWord(bytes: Buffer, start: number): Scanned<unknown> | undefined {
  for (const [word, value] of WORDS) {
    const end = start + word.length;
    if (end <= bytes.length && word.compare(bytes, start, end) === 0) return { value, end };
  }
  return undefined;
}

/** A digit, a sign, a point or the letter of an exponent. */
export function isNumeral(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || (byte | 0x20) === 0x65;
}
