/**
 * Where log lines are written: at once, and never at the price of what they tell of.
 *
 * A log that cannot be written (its disk is full, its reader has gone) must not fail the request that is logged: that
 * may be committed already. The line is lost; the next one is tried again. pino's own destination throws there, and
 * keeps every line it could not write.
 */
import { writeSync } from 'node:fs';

/** How long a full pipe that does not block is waited for, in pauses of so many milliseconds. */
const PAUSES_MS = [1, 5, 20, 50] as const;

/** A destination of pino on a file descriptor. Its `write` never throws. */
export function openLines(descriptor: number): { write: (line: string) => void } {
  // Set after a line that was only written in part: the next one must not go on with it.
  let torn = false;

  function write(line: string): void {
    const bytes = Buffer.from(torn ? `\n${line}` : line);
    let written = 0;
    let pauses = 0;
    while (written < bytes.length) {
      try {
        written += writeSync(descriptor, bytes, written);
      } catch (thrown) {
        const pause = (thrown as NodeJS.ErrnoException).code === 'EAGAIN' ? PAUSES_MS[pauses] : undefined;
        if (pause === undefined) break;
        pauses += 1;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
      }
    }
    if (written > 0) torn = written < bytes.length;
  }
  return { write };
}
