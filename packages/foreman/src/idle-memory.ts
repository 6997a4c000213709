/**
 * What tasks have left in memory is given back once no task is held. Neither V8 nor the C library does it by itself while
 * a program waits: both look at it only when they are asked for more. See docs/decisions/0019.
 */
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { HeldTasks } from './held.ts';

/** How often it is looked whether there is something to give back. */
const LOOK_MS = 10_000;
/** Less is not worth the collection, which takes tens of milliseconds. */
const WORTH_BYTES = 2 * 1024 ** 2;

/** Gives back, also after the start, whenever memory has grown and no task is held. Answers how to end that. */
export function keepIdleMemorySmall(held: Pick<HeldTasks, 'size'>, lookMs = LOOK_MS): () => void {
  let settledBytes = 0;
  const look = () => {
    if (held.size > 0 || process.memoryUsage.rss() < settledBytes + WORTH_BYTES) return;
    collect();
    trim();
    settledBytes = process.memoryUsage.rss();
  };
  const timer = setInterval(look, lookMs).unref();
  return () => clearInterval(timer);
}

/** What V8 does when memory is short: collects all, and forgets code that has not run for long. */
function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (how: { type: string; execution: string; flavor: string }) => void;
  setFlagsFromString('--no-expose-gc');
  gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

let mallocTrim: ((pad: number) => number) | undefined;

/** Pages that malloc has free, see malloc_trim(3). */
function trim(): void {
  mallocTrim ??= findMallocTrim();
  mallocTrim(0);
}

/** Another library than glibc has no such function. */
function findMallocTrim(): (pad: number) => number {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    return koffi.load(null).func('int malloc_trim(size_t pad)');
  } catch {
    return () => 0;
  }
}
