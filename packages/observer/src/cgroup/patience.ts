/** Waiting for the kernel: control groups have hardly any events to wait for, so we look again, at first often. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Looks after 1, 2, 4, 8, 16, 16, … ms. False when it did not come true in time. */
export async function until(isSo: () => boolean, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  for (let pause = 1; !isSo(); pause = Math.min(16, pause * 2)) {
    if (performance.now() > deadline) return false;
    await sleep(pause);
  }
  return true;
}
