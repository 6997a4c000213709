/**
 * Bytes, durations and counts: how people and the original write them, parsed and printed.
 *
 * The grammar is the original's (kolejka/common/parse.py): a number followed by any chain of one-letter suffixes,
 * multiplied: `64kb` is 64 * 1024 * 1. Inside the grid there is one unit each: bytes, milliseconds, plain counts.
 * Rounding is half to even, as Python's `round` and `timedelta` do it, so that our texts equal the original's.
 */
import { GridError } from './errors.ts';

type Suffixes = Readonly<Record<string, number>>;

/** `k` is base, `m` base², … up to `p`, in both cases. */
function powers(base: number): Suffixes {
  return Object.fromEntries(
    Array.from('kmgtp').flatMap((letter, index) => {
      const factor = base ** (index + 1);
      return [
        [letter, factor],
        [letter.toUpperCase(), factor],
      ];
    }),
  );
}

/** Suffixes of bytes: 1024-based. */
export const BYTE_SUFFIXES: Suffixes = { b: 1, B: 1, ...powers(1024) };
/** Suffixes of large counts: 1000-based. */
export const COUNT_SUFFIXES: Suffixes = powers(1000);
/** Suffixes of durations, in seconds. `M` is minutes and `m` is milli: the original's trap, kept. */
export const DURATION_SUFFIXES: Suffixes = {
  W: 604_800,
  D: 86_400,
  H: 3600,
  M: 60,
  s: 1,
  m: 1e-3,
  µ: 1e-6,
  n: 1e-9,
};

/** Longest text of a number, in characters. */
const LONGEST = 100;

const PYTHON_FLOAT = /^[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[+-]?\d+(_\d+)*)?$/i;

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  const rounded = rest === 0.5 ? floor + Math.abs(floor % 2) : Math.round(value);
  return rounded + 0; // -0 becomes 0
}

function refuse(field: string, text: unknown, expected: string): never {
  throw new GridError('bad-value', `${field}: ${show(text)} is not ${expected}`, { field });
}

/** A value for an error's sentence. Lists and objects only by kind: they may be too deep to be printed. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return 'null';
  return Array.isArray(value) ? 'a list' : 'an object';
}

/** The number in front of the suffixes times their product; the suffixes are read from the end, as the original does. */
function parseSuffixed(value: unknown, suffixes: Suffixes, field: string, expected: string): number {
  let result: number;
  if (typeof value === 'number') {
    result = value;
  } else if (typeof value === 'string' && value.length <= LONGEST) {
    const letters = Array.from(value.trim());
    let factor = 1;
    while (letters.length > 0) {
      const suffix = suffixes[letters.at(-1) ?? ''];
      if (suffix === undefined) break;
      factor *= suffix;
      letters.pop();
    }
    const digits = letters.join('').trim();
    if (!PYTHON_FLOAT.test(digits)) refuse(field, value, expected);
    result = Number(digits.replaceAll('_', '')) * factor;
  } else {
    refuse(field, value, expected);
  }
  if (!Number.isFinite(result) || Math.abs(result) > Number.MAX_SAFE_INTEGER) refuse(field, value, expected);
  return result;
}

/**
 * Bytes from a number or a text such as `64M` or `1.5G`.
 * @param field what to name in the error, as a dotted path
 * @throws GridError `bad-value`
 */
export function parseBytes(value: unknown, field: string): number {
  return roundHalfEven(parseSuffixed(value, BYTE_SUFFIXES, field, 'a size such as "64M" or "1.5G"'));
}

/** Bytes as the original writes them: `67108864b`. */
export function printBytes(bytes: number): string {
  return `${bytes}b`;
}

/**
 * Milliseconds from a number of seconds or a text such as `1s`, `100ms`, `5M`; to the microsecond.
 * @throws GridError `bad-value`
 */
export function parseDuration(value: unknown, field: string): number {
  const seconds = parseSuffixed(value, DURATION_SUFFIXES, field, 'a time such as "1s", "100ms" or "5M" (M is minutes)');
  if (Math.abs(seconds) > 1e9) refuse(field, value, 'a time of at most 10^9 seconds');
  // timedelta splits off whole seconds before it rounds the rest to microseconds.
  const whole = Math.trunc(seconds);
  const microseconds = whole * 1e6 + roundHalfEven((seconds - whole) * 1e6);
  return microseconds / 1000 + 0; // -0 becomes 0
}

/** Milliseconds as the original writes them, in seconds: `10.0s`, `0.30043s`, `5e-05s`. */
export function printDuration(milliseconds: number): string {
  return `${printPythonFloat(Math.round(milliseconds * 1000) / 1e6)}s`;
}

function printPythonFloat(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return `${value}.0`;
  if (Math.abs(value) >= 1e-4) return String(value);
  const [mantissa = '0', exponent = '+0'] = value.toExponential().split('e');
  return `${mantissa}e${exponent.slice(0, 1)}${exponent.slice(1).padStart(2, '0')}`;
}

/**
 * A whole number, as Python's `int()` reads one: 2, "2", 16.0, true. A fraction is refused; the original cuts it off.
 * @throws GridError `bad-value`
 */
export function parseCount(value: unknown, field: string): number {
  const number = typeof value === 'boolean' ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number + 0; // -0 becomes 0
  if (typeof number === 'string' && number.length <= LONGEST && /^\s*[+-]?\d+(_\d+)*\s*$/.test(number)) {
    const parsed = Number(number.replaceAll('_', ''));
    if (Number.isSafeInteger(parsed)) return parsed + 0;
  }
  return refuse(field, value, 'a whole number');
}

/**
 * A large count from a number or a text such as `2G` (1000-based).
 * @throws GridError `bad-value`
 */
export function parseBigCount(value: unknown, field: string): number {
  return roundHalfEven(parseSuffixed(value, COUNT_SUFFIXES, field, 'a count such as "2G" (1000-based)'));
}

/**
 * Yes or no. Of texts, `false`, `no` and `0` are no and all others yes, as the original has it.
 * @throws GridError `bad-value`
 */
export function parseFlag(value: unknown, field: string): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'string') return !['false', 'no', '0'].includes(value.trim().toLowerCase());
  return refuse(field, value, 'true or false');
}

/** How values of each unit come in and go out. */
export const UNITS = {
  bytes: { parse: parseBytes, print: printBytes, written: '"64M", "1.5G"; 1024-based' },
  duration: { parse: parseDuration, print: printDuration, written: '"1s", "100ms", "5M" (M is minutes, m is milli)' },
  count: { parse: parseCount, print: (value: number) => value, written: '16' },
  'big count': { parse: parseBigCount, print: (value: number) => value, written: '2000000000, "2G"; 1000-based' },
} as const;

/** Name of a unit of the table. */
export type Unit = keyof typeof UNITS;
