import type { Group } from '@kolejka/observer/cgroup';
import test from 'ava';
import { startWatch, type WatchOptions } from '../src/watch.ts';

/** A group in which nothing happens. */
const quiet = { read: () => ({}), refusedForks: () => 0, watchForks: () => () => undefined } as unknown as Group;

const watch = (given: Partial<WatchOptions>) =>
  startWatch({
    group: quiet,
    limits: {},
    lookAtDisk: () => undefined,
    cancel: new AbortController().signal,
    kill: async () => undefined,
    failed: () => undefined,
    stuck: () => undefined,
    ...given,
  });

test('a task whose processes do not die is told to be stuck, once, and is killed again and again', async (t) => {
  const [stuck, again] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let [told, kills] = [0, 0];
  const task = watch({
    stuckMs: 10,
    kill: async () => {
      kills += 1;
      if (kills === 3) again.resolve();
      throw new Error('3 processes do not die');
    },
    stuck: () => {
      told += 1;
      stuck.resolve();
    },
  });
  task.note('cancelled');
  await stuck.promise;
  await again.promise;
  task.stop();
  t.is(told, 1);
});

test('a task that dies of its kill is not stuck', async (t) => {
  const task = watch({ stuckMs: 20, stuck: () => t.fail() });
  task.note('time');
  await task.killed;
  await new Promise((resolve) => setTimeout(resolve, 60));
  task.stop();
  t.pass();
});
