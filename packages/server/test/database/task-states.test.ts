import { countReadyOf } from '../../src/database/counts.ts';
import { listTasks, type Wanted } from '../../src/database/task-states.ts';
import { assignedBefore } from '../../src/database/tasks.ts';
import { ONE, testOnBoth } from '../queue-scene.ts';

testOnBoth('lists are filtered by everything that can be asked for', async (t, open) => {
  const { put, take, store, clock, user } = await open();
  const first = clock.now();
  const other = await user('other');
  const taken = await put({ image: 'gcc' });
  await take({ most: 1, foreman: ONE });
  clock.move(1000);
  const [waiting, theirs] = [await put(), await put({}, other)];
  const list = async (wanted: Wanted) => {
    const { tasks } = await store.read((db) => listTasks(db, wanted, { most: 10 }));
    return tasks.map(({ id }) => id);
  };
  t.deepEqual(await list({}), [theirs, waiting, taken]);
  t.deepEqual(await list({ owner: other }), [theirs]);
  t.deepEqual(await list({ state: 'assigned' }), [taken]);
  t.deepEqual(await list({ image: 'busybox' }), [theirs, waiting]);
  t.deepEqual(await list({ since: first + 1 }), [theirs, waiting]);
  t.deepEqual(await list({ before: first + 1 }), [taken]);
  t.deepEqual(await list({ assigned: true }), [taken]);
  t.deepEqual(await list({ assigned: false, owner: other }), [theirs]);
  t.deepEqual(await list({ resolved: true }), []);
  t.deepEqual(await list({ resolved: false, image: 'gcc', state: 'assigned' }), [taken]);
  t.is(await store.read((db) => countReadyOf(db, other)), 1);
  t.is(await store.read((db) => countReadyOf(db, 0)), 0);
  t.is((await store.read((db) => assignedBefore(db, first + 1, 10))).length, 1);
  t.is((await store.read((db) => assignedBefore(db, first, 10))).length, 0);
});

testOnBoth('a page looks at a bounded number of tasks, may be empty, and says where to go on', async (t, open) => {
  const { put, store } = await open();
  const rare = await put({ image: 'rare' });
  const id = await put();
  await store.write((db) =>
    db.run(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < 10000)
       insert into tasks (id, owner, class, queue, state, created_ms, changed_ms)
       select 'copy ' || i, owner, class, queue, 'cancelled', 0, 0 from tasks, n where id = :id`,
      { id },
    ),
  );
  const one = await store.read((db) => listTasks(db, { image: 'rare' }, { most: 10 }));
  t.deepEqual(one.tasks, []);
  t.not(one.next, null);
  const two = await store.read((db) => listTasks(db, { image: 'rare' }, { most: 10, cursor: one.next ?? 0 }));
  t.is(two.tasks[0]?.id, rare);
  t.is(two.next, null);
});
