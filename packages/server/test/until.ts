import { setTimeout as sleep } from 'node:timers/promises';

/** A machine may be slow and busy: what has not come by now does not come. Nobody waits so long for what comes. */
const BOUND_MS = 60_000;

/** Waits for what `look` answers, as long as that is neither undefined nor false; fails with what was seen last. */
export async function until<Value>(look: () => Value | undefined | Promise<Value | undefined>): Promise<Value> {
  const deadline = performance.now() + BOUND_MS;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${String(look)}; saw ${String(value)}`);
    await sleep(5);
  }
}
