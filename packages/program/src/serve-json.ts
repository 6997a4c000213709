/**
 * Reads JSON that a stranger wrote: in slices, so that other requests go on meanwhile, and within bounds.
 *
 * JSON.parse would do neither. Measured 2026-11, milliseconds in one piece for bodies of 2 and 16 MiB: brackets in
 * brackets 135 and 2200, short keys 60 and 900, empty objects 60 and 1000, a usual result of many files 6 and 70.
 * Here no slice of these took more than 42; a usual task of 1 KB takes 9 µs (JSON.parse: 2). The parsers from packages
 * that read in pieces bound neither depth nor number, and let a key come twice.
 *
 * Stricter than JSON.parse as well: a key that comes twice, half a surrogate pair and a number that is none any more
 * (1e999) are refused with their place. No program writes these by mistake, and each reader takes them differently.
 */
import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import { GridError } from '@kolejka/protocol';
import { JsonReader } from './json-reader.ts';

/** How long one slice may keep the event loop, in milliseconds. */
const SLICE_MS = 5;

/** Tasks and results are nested five deep. */
const DEPTH = 64;
/** No argument of a program can be longer than 128 KiB. */
const LONGEST_TEXT = 1024 ** 2;
/**
 * A body may have one value for so many of the bytes it may have: files of a result have two or three in 80 bytes. A
 * hundred thousand arguments in 2 MiB get through, so that the refusal can name the field.
 */
const BYTES_A_VALUE = 20;

/**
 * The value that is written in the bytes.
 * @param largest bytes such a body may have, by which the number of its values is bounded
 * @throws GridError `bad-json` for what is no JSON in UTF-8, `bad-value` for a number or text that cannot be kept and
 * for what is nested too deep, `too-large` for what has too many values
 */
export async function readJson(bytes: Buffer, largest: number): Promise<unknown> {
  if (!isUtf8(bytes)) throw new GridError('bad-json', 'The body is not JSON in UTF-8.');
  const values = Math.max(100, Math.floor(largest / BYTES_A_VALUE));
  const reader = new JsonReader(bytes, { depth: DEPTH, values, text: LONGEST_TEXT });
  while (!reader.readOn(SLICE_MS)) await setImmediate();
  return reader.value;
}
