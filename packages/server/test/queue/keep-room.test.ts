import { setImmediate } from 'node:timers/promises';
import type { ForemanName } from '@kolejka/protocol';
import test from 'ava';
import { cancelTask } from '../../src/database/removal.ts';
import { findTask, type TaskRow } from '../../src/database/tasks.ts';
import type { Offer } from '../../src/queue/dequeue.ts';
import { KEPT_MS, UNSEEN_MS, WAITED_MS } from '../../src/queue/keep-room.ts';
import { dequeue } from '../../src/queue/long-poll.ts';
import { idsOf, ONE, type OpenQueue, openQueue, OTHER, testOnBoth } from '../queue-scene.ts';

/** A node of four CPUs of which two are free. */
const BUSY = { limits: { cpus: 2 }, node: { cpus: 4 }, idle: false } as const satisfies Partial<Offer>;
const FREE = { limits: { cpus: 4 }, node: { cpus: 4 }, idle: true } as const satisfies Partial<Offer>;

/** A task that takes the whole node, which has waited for long, and a small one behind it. */
async function openLine(open: OpenQueue) {
  const scene = await open();
  const large = await scene.put({ limits: { cpus: 4 } });
  const small = await scene.put({ limits: { cpus: 1 } });
  scene.clock.move(WAITED_MS);
  return { ...scene, large, small, ids: async (given: Partial<Offer>) => idsOf(await scene.take(given)) };
}

testOnBoth('a task that needs the whole node keeps its room from those behind it, until it fits', async (t, open) => {
  const { ids, large, small } = await openLine(open);
  t.deepEqual(await ids(BUSY), []);
  t.deepEqual(await ids({ ...BUSY, limits: { cpus: 3 } }), []);
  t.deepEqual(await ids(FREE), [large]);
  t.deepEqual(await ids(BUSY), [small]);
});

testOnBoth('a task that has not waited for long keeps nothing', async (t, open) => {
  const { put, take } = await open();
  await put({ limits: { cpus: 4 } });
  const small = await put({ limits: { cpus: 1 } });
  t.deepEqual(idsOf(await take(BUSY)), [small]);
});

testOnBoth('only one foreman keeps its room for a task, and the others work', async (t, open) => {
  const { ids, small } = await openLine(open);
  t.deepEqual(await ids({ ...BUSY, foreman: OTHER }), []);
  t.deepEqual(await ids({ ...BUSY, foreman: ONE }), [small]);
  t.deepEqual(await ids({ ...BUSY, foreman: OTHER }), []);
});

testOnBoth('a foreman whose task was taken by somebody else gets tasks again at once', async (t, open) => {
  const { ids, large, small } = await openLine(open);
  t.deepEqual(await ids(BUSY), []);
  t.deepEqual(await ids({ ...FREE, foreman: OTHER }), [large]);
  t.deepEqual(await ids(BUSY), [small]);
});

testOnBoth('a foreman whose task was cancelled gets tasks again at once', async (t, open) => {
  const { ids, large, small, store, clock } = await openLine(open);
  t.deepEqual(await ids(BUSY), []);
  await store.write(async (db) =>
    cancelTask(db, (await findTask(db, large)) as TaskRow, { now: clock.now(), why: 'cancelled' }),
  );
  t.deepEqual(await ids(BUSY), [small]);
});

testOnBoth('a foreman keeps its room for so long at most, then works, and may keep it again', async (t, open) => {
  const { ids, put, small, clock } = await openLine(open);
  for (let passed = 0; passed < KEPT_MS; passed += 60_000) {
    t.deepEqual(await ids(BUSY), []);
    clock.move(60_000);
  }
  t.deepEqual(await ids(BUSY), [small]);
  const later = await put({ limits: { cpus: 1 } });
  clock.move(KEPT_MS - 1);
  t.deepEqual(await ids(BUSY), [later]);
  await put({ limits: { cpus: 1 } });
  clock.move(1);
  t.deepEqual(await ids(BUSY), []);
});

testOnBoth('another foreman keeps its room when the first is gone', async (t, open) => {
  const { ids, put, small, clock } = await openLine(open);
  t.deepEqual(await ids({ ...BUSY, foreman: ONE }), []);
  clock.move(UNSEEN_MS - 1);
  t.deepEqual(await ids({ ...BUSY, foreman: OTHER }), [small]);
  await put({ limits: { cpus: 1 } });
  clock.move(1);
  t.deepEqual(await ids({ ...BUSY, foreman: OTHER }), []);
});

testOnBoth('another foreman keeps its room when the time of the first is over', async (t, open) => {
  const { ids, small, clock } = await openLine(open);
  for (let passed = 0; passed < KEPT_MS; passed += 60_000) {
    t.deepEqual(await ids({ ...BUSY, foreman: ONE }), []);
    clock.move(60_000);
  }
  t.deepEqual(await ids({ ...BUSY, foreman: OTHER }), []);
  t.deepEqual(await ids({ ...BUSY, foreman: ONE }), [small]);
});

testOnBoth('what goes before the large task is given all the same', async (t, open) => {
  const { ids, put } = await openLine(open);
  t.deepEqual(await ids(BUSY), []);
  const urgent = await put({ limits: { cpus: 1 }, priority: 1 });
  t.deepEqual(await ids(BUSY), [urgent]);
});

testOnBoth('a task that wants a node for itself keeps its room too', async (t, open) => {
  const { put, take, clock } = await open();
  const alone = await put({ exclusive: true, limits: { cpus: 1 } });
  await put({ limits: { cpus: 1 } });
  clock.move(WAITED_MS);
  t.deepEqual(await take(BUSY), []);
  t.deepEqual(idsOf(await take(FREE)), [alone]);
});

for (const [who, offer] of [
  ['does not say what its node has', { limits: { cpus: 2 }, idle: false }],
  ['has no name', { ...BUSY, foreman: undefined }],
  ['has a node that is too small', { ...BUSY, node: { cpus: 3 } }],
  ['lacks a tag', { ...BUSY, tags: [] }],
] as const satisfies readonly (readonly [string, Partial<Offer>])[]) {
  testOnBoth(`a foreman that ${who} is kept from nothing`, async (t, open) => {
    const { put, take, clock } = await open();
    await put({ limits: { cpus: 4 }, requires: ['fast'] });
    const small = await put({ limits: { cpus: 1 } });
    clock.move(WAITED_MS);
    t.deepEqual(idsOf(await take({ tags: ['fast'], ...offer })), [small]);
  });
}

/** Lets everything happen that can happen without time passing. */
async function settle(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await setImmediate();
}

const never = new AbortController().signal;

test('two foremen that keep their room do not wake each other, and the third gets the small task', async (t) => {
  const scene = await openQueue();
  let looks = 0;
  const store: typeof scene.store = {
    ...scene.store,
    write: (change) => {
      looks += 1;
      return scene.store.write(change);
    },
  };
  await scene.put({ limits: { cpus: 4 }, requires: ['a'] });
  await scene.put({ limits: { cpus: 4 }, requires: ['b'] });
  scene.clock.move(WAITED_MS);
  const wait = (tag: string) =>
    dequeue({ ...scene, store }, scene.offer({ ...BUSY, foreman: tag as ForemanName, tags: [tag] }), 60_000, never);
  const keeping = [wait('a'), wait('b')];
  await settle();
  const third = wait('c');
  await settle();
  const before = looks;
  const small = await scene.put({ limits: { cpus: 1 } });
  t.deepEqual(idsOf(await third), [small]);
  await settle();
  t.is(looks - before, 1);
  for (let passed = 0; passed < 60_000; passed += 1000) {
    scene.clock.move(1000);
    await settle();
  }
  t.deepEqual((await Promise.all(keeping)).flat(), []);
});

test('a foreman that keeps its room and waits hears within seconds that somebody else has the task', async (t) => {
  const scene = await openLine(openQueue);
  const waiting = dequeue(scene, scene.offer(BUSY), 60_000, never);
  await settle();
  t.deepEqual(await scene.ids({ ...FREE, foreman: OTHER }), [scene.large]);
  await settle();
  scene.clock.move(5000);
  t.deepEqual(idsOf(await waiting), [scene.small]);
});
