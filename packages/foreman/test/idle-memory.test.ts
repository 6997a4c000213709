import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { keepIdleMemorySmall } from '../src/idle-memory.ts';

const MIB = 1024 ** 2;
const PATIENCE_MS = 60_000;

/** Garbage that is old by the time it is let go of: V8 leaves such alone while nothing is asked of it. */
function makeGarbage(): void {
  const pieces = Array.from({ length: 400_000 }, (_, index) => ({ index, text: `piece ${index}`, more: [index] }));
  if (pieces.length === 0) throw new Error('nothing was made');
}

test('what tasks have left in memory is given back once none is held', async (t) => {
  const held = { size: 1 };
  makeGarbage();
  const worked = process.memoryUsage.rss();
  const stop = keepIdleMemorySmall(held, 20);
  t.teardown(stop);
  held.size = 0;
  const end = performance.now() + PATIENCE_MS;
  while (process.memoryUsage.rss() > worked - 20 * MIB && performance.now() < end) await sleep(20);
  t.true(process.memoryUsage.rss() <= worked - 20 * MIB, `${worked} bytes became ${process.memoryUsage.rss()}`);
});
