import { backOff, realClock, runLoop } from '@kolejka/program';
import test from 'ava';
import { holdClock } from './held-clock.ts';

/** Runs the passes one after another, then stops the loop. */
async function loopOf(passes: (() => number | void)[], options: { random?: () => number } = {}) {
  const clock = holdClock();
  const stop = new AbortController();
  const failures: [string, number][] = [];
  const left = [...passes];
  await runLoop({
    clock,
    signal: stop.signal,
    pass: async () => {
      const pass = left.shift();
      if (left.length === 0) stop.abort();
      return pass?.();
    },
    failed: (error, inARow) => failures.push([(error as Error).message, inARow]),
    ...options,
  });
  return { slept: clock.slept, failures };
}

const fails = () => {
  throw new Error('broken');
};

test('the loop pauses for as long as a pass says, and not at all when it says nothing', async (t) => {
  const { slept, failures } = await loopOf([() => 10, () => undefined, () => 0, () => 20, () => undefined]);
  t.deepEqual(slept, [10, 20]);
  t.deepEqual(failures, []);
});

test('failures in a row are counted, and the first success begins anew', async (t) => {
  const { failures } = await loopOf([fails, fails, () => undefined, fails, () => undefined]);
  t.deepEqual(failures, [
    ['broken', 1],
    ['broken', 2],
    ['broken', 1],
  ]);
});

test('the pause grows from 0.25 s to 15 s, halved at most by chance', async (t) => {
  const nine = [...Array.from({ length: 9 }, () => fails), () => undefined];
  const longest = await loopOf(nine, { random: () => 1 });
  t.deepEqual(longest.slept, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  const shortest = await loopOf(nine, { random: () => 0 });
  t.deepEqual(
    shortest.slept,
    longest.slept.map((pause) => pause / 2),
  );
});

test('the pause after very many failures is still a pause', (t) =>
  t.is(
    backOff(5000, () => 1),
    15_000,
  ));

test('chance moves the pause between half and whole', (t) => {
  for (let tries = 0; tries < 200; tries += 1) {
    const pause = backOff(3);
    t.true(pause >= 500 && pause <= 1000);
  }
});

test('a loop that is stopped ends its pause at once', async (t) => {
  const stop = new AbortController();
  const started = realClock.monotonic();
  const done = runLoop({ signal: stop.signal, pass: async () => 60_000, failed: () => t.fail() });
  setImmediate(() => stop.abort());
  await done;
  t.true(realClock.monotonic() - started < 10_000);
});

test('a loop that was stopped before it began runs no pass', async (t) => {
  await runLoop({ signal: AbortSignal.abort(), pass: async () => t.fail(), failed: () => t.fail() });
  t.pass();
});

test('a pass that fails because the loop was stopped is no failure', async (t) => {
  const stop = new AbortController();
  await runLoop({
    signal: stop.signal,
    pass: async (signal) => {
      stop.abort();
      signal.throwIfAborted();
    },
    failed: () => t.fail(),
  });
  t.pass();
});

test('a pass is given the signal that stops the loop', async (t) => {
  const stop = new AbortController();
  await runLoop({
    signal: stop.signal,
    pass: async (signal) => {
      t.false(signal.aborted);
      stop.abort();
      t.true(signal.aborted);
    },
    failed: () => t.fail(),
  });
});

test('a real sleep that is interrupted rejects', async (t) => {
  const stop = new AbortController();
  const sleeping = realClock.sleep(60_000, stop.signal);
  stop.abort();
  await t.throwsAsync(sleeping, { name: 'AbortError' });
  await t.notThrowsAsync(realClock.sleep(1));
});
