import type { TaskId } from '@kolejka/protocol';
import test from 'ava';
import { setWeight, sharePerUser } from '../../src/database/shares.ts';
import { moveTask } from '../../src/database/tasks.ts';
import { idsOf, openQueue, type OpenQueue, testOnBoth } from '../queue-scene.ts';

type Scene = Awaited<ReturnType<OpenQueue>>;

/** Two users with so many tasks each; the first put all of theirs before the second came. */
async function openRush(open: OpenQueue, count: number) {
  const scene = await open();
  const [many, few] = [await scene.user('many'), await scene.user('few')];
  const owners = new Map<TaskId, string>();
  for (const [name, owner] of Object.entries({ many, few })) {
    for (let index = 0; index < count; index += 1) owners.set(await scene.put({}, owner), name);
  }
  return { ...scene, many, few, ownersOf: (ids: TaskId[]) => ids.map((id) => owners.get(id)) };
}

async function resolve({ store, row, clock }: Scene, id: TaskId): Promise<void> {
  const task = await row(id);
  await store.write((db) => moveTask(db, task, 'resolved', { expires_ms: null }, { now: clock.now() }));
}

const shares = async ({ store, clock }: Scene) => store.read((db) => sharePerUser(db, clock.now()));

testOnBoth('priority goes before age, and everything before a lower one', async (t, open) => {
  const { put, take } = await open();
  const usual = await put();
  const late = await put({ priority: -5 });
  const early = await put({ priority: 7 });
  t.deepEqual(idsOf(await take()), [early, usual, late]);
});

testOnBoth('of two users with equal priority each gets every other task, whoever came first', async (t, open) => {
  const { take, ownersOf } = await openRush(open, 3);
  t.deepEqual(ownersOf(idsOf(await take({ most: 4 }))), ['many', 'few', 'many', 'few']);
});

testOnBoth(
  'a user whose tasks have run for long waits behind one whose have not, also when they are over',
  async (t, open) => {
    const scene = await openRush(open, 5);
    const { take, clock, ownersOf } = scene;
    const [first] = idsOf(await take({ most: 1 }));
    clock.move(60_000);
    t.deepEqual(ownersOf(idsOf(await take({ most: 2 }))), ['few', 'few']);
    await resolve(scene, first as TaskId);
    t.deepEqual(ownersOf(idsOf(await take({ most: 2 }))), ['few', 'few']);
  },
);

testOnBoth('use is cores times seconds and one second more, and is forgotten by half in an hour', async (t, open) => {
  const scene = await open();
  const owner = await scene.user('one more');
  const id = await scene.put({ limits: { cpus: 4 } }, owner);
  await scene.take();
  scene.clock.move(9000);
  t.is((await shares(scene)).get(owner)?.use, 40);
  await resolve(scene, id);
  t.is((await shares(scene)).get(owner)?.use, 40);
  scene.clock.move(3_600_000);
  t.is((await shares(scene)).get(owner)?.use, 20);
});

testOnBoth('a user with three times the weight gets three tasks where others get one', async (t, open) => {
  const { take, store, many, ownersOf } = await openRush(open, 8);
  await store.write((db) => setWeight(db, many, 3));
  const taken = ownersOf(idsOf(await take({ most: 8 })));
  t.deepEqual([taken.filter((name) => name === 'many').length, taken.length], [6, 8]);
});

testOnBoth('what is taken and given back or lost leaves nothing running in the accounts', async (t, open) => {
  const scene = await open();
  const { put, take, row, store, clock } = scene;
  const id = await put();
  for (const event of ['returned', 'lost', 'failed'] as const) {
    t.is((await take()).length, 1);
    const task = await row(id);
    await store.write((db) => moveTask(db, task, event, { expires_ms: null }, { now: clock.now() }));
  }
  const rows = await store.read((db) => db.all('select cores, taken_s, used from shares'));
  t.deepEqual(rows, [{ cores: 0, taken_s: 0, used: 3 }]);
});

test('hostile input 58: a hundred thousand tasks of one user keep another waiting for one task at most', async (t) => {
  const scene = await openQueue();
  const { put, take, store, user } = scene;
  const flood = await user('flood');
  const id = await put({}, flood);
  // As many rows as that, without putting each: all of them in one queue, as tasks of one wish are.
  await store.write((db) =>
    db.run(
      `with recursive n (i) as (select 1 union all select i + 1 from n where i < 100000)
       insert into tasks (id, owner, class, queue, state, created_ms, changed_ms)
       select printf('%032x', i), owner, class, queue, 'pending', 0, 0 from tasks, n where id = :id`,
      { id },
    ),
  );
  await store.write((db) =>
    db.run(`insert into task_bodies (task, body) select number, '{}' from tasks where number > 1`),
  );
  const late = await put();
  t.true(idsOf(await take({ most: 2 })).includes(late));
});
