import { parseTask, type ReferenceKey, type TaskId } from '@kolejka/protocol';
import { changeOwner, claimFiles, findReference, insertReference } from '../../src/database/references.ts';
import { recordBlob } from '../../src/database/blobs.ts';
import { oweCallback, rememberCallback } from '../../src/database/callbacks.ts';
import { rememberKey } from '../../src/database/idempotency.ts';
import { cancelTask } from '../../src/database/removal.ts';
import { findTask, insertTask } from '../../src/database/tasks.ts';
import { retentionWatch } from '../../src/users/retention.ts';
import { type OpenQueue, testOnBoth } from '../queue-scene.ts';

const DAY_MS = 86_400_000;
const log = { say: () => undefined };

async function openKept(open: OpenQueue) {
  const scene = await open();
  const { store, clock, holder } = scene;
  const count = async (table: string) =>
    (await store.read((db) => db.get<{ count: number }>(`select count(*) as count from ${table}`)))?.count;
  const reference = (key: string) =>
    store.write(async (db) => {
      const blob = 'a'.repeat(64) as never;
      await recordBlob(db, { hash: blob, size: 1 }, clock.now());
      await insertReference(db, { key: key as ReferenceKey, blob, owner: holder }, clock.now());
    });
  /** A task that ends at once and names references. */
  const ended = (id: string, files: string[] = []) =>
    store.write(async (db) => {
      const now = clock.now();
      const row = await insertTask(db, { id: id as TaskId, owner: holder, task: parseTask({ image: 'x' }), now });
      await claimFiles(
        db,
        row.number,
        'task',
        files.map((key) => [key, key as ReferenceKey] as const),
      );
      await cancelTask(db, row, { now, why: 'for the test' });
      return row.number;
    });
  return { ...scene, count, reference, ended };
}

testOnBoth('tasks that ended longer ago than keep_results are removed, and nothing else is', async (t, open) => {
  const { store, clock, put, ended, count, events } = await openKept(open);
  const waiting = await put();
  for (let index = 0; index < 50; index += 1) await ended(`old ${index}`);
  clock.move(DAY_MS);
  await ended('new');
  const pass = retentionWatch({ store, clock, log }, DAY_MS / 2);
  // In small portions, between which others have their turn.
  t.true((await pass()) < 1000);
  t.is(await count('tasks'), 32);
  while ((await pass()) < 1000);
  t.is(await count('tasks'), 2);
  t.deepEqual(await events(waiting), ['created']);
  t.truthy(await store.read((db) => findTask(db, 'new')));
  t.is(await count(`events where event = 'deleted'`), 50);
});

testOnBoth('without keep_results every task stays', async (t, open) => {
  const { store, clock, ended, count } = await openKept(open);
  await ended('old');
  clock.move(1000 * DAY_MS);
  await retentionWatch({ store, clock, log }, undefined)();
  t.is(await count('tasks'), 1);
});

testOnBoth(
  'references that only a removed task named are given up; those of others, and new ones, stay',
  async (t, open) => {
    const { store, clock, ended, reference } = await openKept(open);
    for (const key of ['own', 'shared']) await reference(key);
    await ended('old', ['own', 'shared']);
    clock.move(DAY_MS);
    await ended('new', ['shared']);
    await reference('late');
    await retentionWatch({ store, clock, log }, DAY_MS / 2)();
    const left = await store.read((db) =>
      db.all<{ key: string }>('select key from blob_references where deleted_ms is null order by key'),
    );
    t.deepEqual(
      left.map(({ key }) => key),
      ['late', 'shared'],
    );
  },
);

testOnBoth('regression: a reference of another user stays, though the removed task alone named it', async (t, open) => {
  const { store, clock, ended, reference, user } = await openKept(open);
  await reference('lent');
  const other = await user('other');
  await store.write((db) => changeOwner(db, 'lent' as ReferenceKey, other));
  await ended('old', ['lent']);
  clock.move(DAY_MS);
  await retentionWatch({ store, clock, log }, DAY_MS / 2)();
  t.is(await store.read((db) => findTask(db, 'old')), undefined);
  t.is((await store.read((db) => findReference(db, 'lent')))?.deleted_ms, null);
});

testOnBoth('regression: a task whose receiver was not told yet is kept until it was', async (t, open) => {
  const { store, clock, ended } = await openKept(open);
  const task = await ended('old');
  await store.write(async (db) => {
    await rememberCallback(db, task, 'http://localhost/');
    await oweCallback(db, task, clock.now());
  });
  clock.move(DAY_MS);
  const pass = retentionWatch({ store, clock, log }, DAY_MS / 2);
  await pass();
  t.truthy(await store.read((db) => findTask(db, 'old')));
  await store.write((db) => db.run('delete from callbacks'));
  await pass();
  t.is(await store.read((db) => findTask(db, 'old')), undefined);
});

testOnBoth('old Idempotency-Keys and old notes of removed tasks are forgotten', async (t, open) => {
  const { store, clock, ended, holder, count } = await openKept(open);
  const task = await ended('old');
  await store.write((db) => rememberKey(db, { user: holder, key: 'k', task, request: 'r' }, clock.now()));
  const pass = retentionWatch({ store, clock, log }, 20 * DAY_MS);
  await pass();
  t.is(await count('idempotency_keys'), 1);
  clock.move(8 * DAY_MS);
  await pass();
  t.is(await count('idempotency_keys'), 0);
  t.is(await count('tasks'), 1);
  clock.move(13 * DAY_MS);
  await pass();
  t.is(await count(`events where event = 'deleted'`), 1);
  clock.move(31 * DAY_MS);
  await pass();
  t.is(await count('events'), 0);
});
