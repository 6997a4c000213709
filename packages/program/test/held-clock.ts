/** Time that stands still until it is moved on: a sleep ends at once and is remembered. */
import type { Clock } from '@kolejka/program';

export interface HeldClock extends Clock {
  /** Every pause that was slept, in milliseconds. */
  readonly slept: number[];
}

export function holdClock(): HeldClock {
  const slept: number[] = [];
  const total = () => slept.reduce((sum, pause) => sum + pause, 0);
  return {
    slept,
    now: total,
    monotonic: total,
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted();
      slept.push(milliseconds);
    },
  };
}
