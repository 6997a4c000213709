import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { eachFile } from '../src/each-file.ts';

const NAMES = Array.from({ length: 20 }, (_none, index) => index);

test('the answers come in the order of the files, at most four at one time', async (t) => {
  let [now, most] = [0, 0];
  const answers = await eachFile(NAMES, undefined, async (name) => {
    now += 1;
    most = Math.max(most, now);
    await sleep(Math.random() * 10);
    now -= 1;
    return name * 2;
  });
  t.deepEqual(
    answers,
    NAMES.map((name) => name * 2),
  );
  t.is(most, 4);
});

test('regression: after the first failure nothing is begun, and nothing is under way', async (t) => {
  let [begun, underWay] = [0, 0];
  const work = async (name: number, signal: AbortSignal): Promise<void> => {
    begun += 1;
    if (name === 2) throw new Error('first');
    underWay += 1;
    try {
      await sleep(60_000, undefined, { signal });
    } finally {
      // What ends a file takes a moment too: its half-written bytes are removed.
      await sleep(50);
      underWay -= 1;
    }
  };
  await t.throwsAsync(eachFile(NAMES, undefined, work), { message: 'first' });
  t.deepEqual([begun, underWay], [4, 0]);
});

test('the signal of the caller ends all of them with its reason', async (t) => {
  const work = async (_name: number, signal: AbortSignal): Promise<void> => {
    await sleep(60_000, undefined, { signal });
  };
  await t.throwsAsync(eachFile(NAMES, AbortSignal.timeout(50), work), { name: 'AbortError' });
  const stop = new AbortController();
  stop.abort(new Error('no more'));
  await t.throwsAsync(eachFile(NAMES, stop.signal, work), { message: 'no more' });
});
