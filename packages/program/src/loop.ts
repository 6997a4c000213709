/** Again until stopped: one pass is a function a test can call; pauses and failures in a row belong to the loop. */
import { type Clock, realClock } from './clock.ts';

export interface LoopOptions {
  /** One pass. It answers how long to pause before the next one, in milliseconds; nothing is no pause. */
  pass: (signal: AbortSignal) => Promise<number | void>;
  /** Ends the loop: the pause at once, a pass when it heeds the signal it is given. */
  signal: AbortSignal;
  /** Hears every pass that failed, and how many did in a row. */
  failed: (error: unknown, inARow: number) => void;
  clock?: Clock;
  /** For tests; a number from 0 to 1. */
  random?: () => number;
}

const SHORTEST_MS = 250;
const LONGEST_MS = 15_000;

/** Pause after failures in a row, with some chance in it: 0.25 s, 0.5 s, 1 s, … 15 s, each times 0.5 to 1. */
export function backOff(inARow: number, random: () => number = Math.random): number {
  return Math.min(LONGEST_MS, SHORTEST_MS * 2 ** (inARow - 1)) * (0.5 + random() / 2);
}

/** Runs passes until the signal is aborted. Never rejects. */
export async function runLoop({ pass, signal, failed, clock = realClock, random }: LoopOptions): Promise<void> {
  let inARow = 0;
  while (!signal.aborted) {
    let pause: number;
    try {
      pause = (await pass(signal)) ?? 0;
      inARow = 0;
    } catch (error) {
      if (signal.aborted) return;
      inARow += 1;
      failed(error, inARow);
      pause = backOff(inARow, random);
    }
    // The pause ends early only because the loop is stopped, which the condition above sees.
    if (pause > 0) await clock.sleep(pause, signal).catch(() => undefined);
  }
}
