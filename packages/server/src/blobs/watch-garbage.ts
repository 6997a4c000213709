/** The pass that collects garbage now and then, where the settings ask for it. */
import { collectGarbage } from './sweep.ts';
import type { Parts } from '../parts.ts';

/** Timers count to 2^31 milliseconds. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;

/** Answers the pass, for `runLoop`; it answers the pause until the next. */
export function garbageWatch(
  parts: Pick<Parts, 'store' | 'blobs' | 'clock' | 'log'>,
  { everyMs, graceMs }: { everyMs: number; graceMs: number },
): (signal: AbortSignal) => Promise<number> {
  return async (signal) => {
    const found = await collectGarbage(parts, { graceMs, signal });
    if (Object.values(found).some((count) => count > 0)) parts.log.say('garbage collected', { ...found });
    return Math.min(everyMs, LONGEST_PAUSE_MS);
  };
}
