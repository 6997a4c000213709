/** Time and sleep that a test can hold in its hand. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Clock {
  /** Milliseconds of the calendar. */
  now(): number;
  /** Milliseconds that only grow; for measuring. */
  monotonic(): number;
  /** Resolves after a while, or rejects when the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  },
};

/**
 * Waits for a promise, but no longer than a while.
 * @returns false when the time is over, or the signal aborted, before the promise is kept; no timer is left behind
 */
export async function keptWithin(
  promise: Promise<unknown>,
  milliseconds: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  const asleep = clock.sleep(milliseconds, AbortSignal.any([signal, over.signal])).catch(() => undefined);
  const isKept = await Promise.race([promise.then(() => true), asleep.then(() => false)]);
  over.abort();
  await asleep;
  return isKept;
}
