/** In which order a server wrote, named and synced: each function answers what is wrong, or nothing. */
import path from 'node:path';
import type { Call } from './trace.ts';

const isSync = ({ name }: Call) => name === 'fsync' || name === 'fdatasync';
const isWrite = ({ name }: Call) => name.includes('write');
const isNaming = ({ name }: Call) => name.startsWith('link') || name.startsWith('rename');

/** The answers of a server that say that something was done. */
export function answersIn(calls: readonly Call[]): Call[] {
  return calls.filter((call) => isWrite(call) && /"HTTP\/1.1 20[014] /.test(call.args));
}

/** What was done between the answer before and this one. */
export function beforeAnswer(calls: readonly Call[], answers: readonly Call[], index: number): Call[] {
  const since = answers[index - 1]?.done ?? -1;
  const until = answers[index]?.begun ?? 0;
  return calls.filter(({ begun, done }) => begun > since && done < until);
}

/** What was written to a file, or a directory that is given names, is synced after that. */
export function syncedAfter(calls: readonly Call[], file: RegExp, after: number, until = Infinity): boolean {
  return calls.some((call) => isSync(call) && file.test(call.args) && call.begun > after && call.done < until);
}

export const opened = (file: string) => new RegExp(`<${file}>`);

/** Something is written to the log of the database, and it is synced after that. */
export function rowUnsafe(calls: readonly Call[], log: string): string {
  const writes = writesTo(calls, opened(log));
  if (writes.length === 0) return 'nothing was written to the database';
  return syncedAfter(calls, opened(log), lastOf(writes)) ? '' : 'the database was not synced';
}

/** Where in the order of calls the first write to the log of the database begins, and the last. */
export function rowsAt(calls: readonly Call[], log: string): { first: number; last: number } {
  const begun = writesTo(calls, opened(log)).map((call) => call.begun);
  return { first: Math.min(...begun), last: Math.max(...begun) };
}

/** Bytes are written and synced before a row says that they are there. */
export function bytesUnsafe(calls: readonly Call[], bytes: RegExp, row: number): string {
  const writes = writesTo(calls, bytes);
  if (writes.length === 0) return 'no bytes were written';
  return syncedAfter(calls, bytes, lastOf(writes), row) ? '' : 'the bytes were not synced';
}

/** Bytes are written and synced, then named, the name is synced, and then comes the row. */
export function blobUnsafe(calls: readonly Call[], blob: { file: string; bytes: RegExp }, row: number): string {
  const named = calls.find((call) => isNaming(call) && call.args.includes(`"${blob.file}"`));
  if (named === undefined) return 'the bytes have no name';
  const shelf = opened(path.dirname(blob.file));
  if (!syncedAfter(calls, shelf, named.done, row)) return 'the name was not synced before the row was written';
  return bytesUnsafe(calls, blob.bytes, named.begun);
}

function writesTo(calls: readonly Call[], file: RegExp): Call[] {
  return calls.filter((call) => isWrite(call) && file.test(call.args));
}

function lastOf(calls: readonly Call[]): number {
  return Math.max(...calls.map(({ done }) => done));
}
