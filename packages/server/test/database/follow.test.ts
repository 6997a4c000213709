import test from 'ava';
import { followLog, type News } from '../../src/database/follow.ts';
import { removeTask } from '../../src/database/removal.ts';
import { openQueue, testOnBoth } from '../queue-scene.ts';

test('regression: a listener that throws is reported, and keeps no other from hearing', async (t) => {
  const { store, put, close } = await openQueue();
  t.teardown(close);
  const failures: unknown[] = [];
  const follow = await followLog(store, (error) => failures.push(error));
  const reason = new Error('not now');
  follow.hear(() => {
    throw reason;
  });
  const heard: News[] = [];
  follow.hear((news) => heard.push(...news));
  await put();
  await follow.look();
  await put();
  await follow.look();
  t.deepEqual(
    heard.map(({ number }) => number),
    [1, 2],
  );
  t.deepEqual(failures, [reason, reason]);
});

testOnBoth('events of all writers are told once and in order, also while tasks are removed', async (t, open) => {
  const [here, there] = [await open(), await open()];
  const heard: News[] = [];
  here.follow.hear((news) => heard.push(...news));
  const removed: number[] = [];
  const work = async ({ put, row, store, clock }: typeof here) => {
    for (let count = 0; count < 60; count += 1) {
      const task = await row(await put());
      if (count % 3 === 0) continue;
      await store.write((db) => removeTask(db, task, { now: clock.now(), why: 'gone' }));
      removed.push(task.number);
    }
  };
  await Promise.all([work(here), work(here), work(there)]);
  await here.follow.look();
  const numbers = heard.map(({ number }) => number);
  t.deepEqual(
    numbers,
    [...new Set(numbers)].toSorted((one, other) => one - other),
  );
  const logged = await here.store.read((db) => db.all<{ number: number }>('select number from events order by number'));
  t.deepEqual(
    logged.filter(({ number }) => !numbers.includes(number)),
    [],
  );
  t.is(heard.filter(({ event }) => event === 'deleted').length, removed.length);
});
