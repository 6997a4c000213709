import { LEASES } from '@kolejka/protocol';
import { queuesWithReady } from '../../src/database/queues.ts';
import { cancelTask } from '../../src/database/removal.ts';
import { findTask } from '../../src/database/tasks.ts';
import { HEAD_START } from '../../src/queue/dequeue.ts';
import { idsOf, ONE, testOnBoth } from '../queue-scene.ts';

testOnBoth('tasks are taken oldest first, over all classes that fit', async (t, open) => {
  const { put, take } = await open();
  const ids = [
    await put({ limits: { cpus: 1 } }),
    await put({ limits: { cpus: 2 } }),
    await put({ limits: { cpus: 1 } }),
  ];
  t.deepEqual(idsOf(await take({ limits: { cpus: 8 } })), ids);
});

testOnBoth('no more tasks are given than were asked for', async (t, open) => {
  const { put, take } = await open();
  for (let count = 0; count < 3; count += 1) await put();
  t.is((await take({ most: 2 })).length, 2);
  t.is((await take({ most: 0 })).length, 0);
});

testOnBoth('the budget is spent over all tasks of one answer', async (t, open) => {
  const { put, take } = await open();
  const first = await put({ limits: { memory: '600M' } });
  await put({ limits: { memory: '600M' } });
  const small = await put({ limits: { memory: '300M' } });
  t.deepEqual(idsOf(await take({ limits: { memory: 1024 ** 3 } })), [first, small]);
});

testOnBoth('a task that does not state a limit of the node needs the default of the foreman', async (t, open) => {
  const { put, take } = await open();
  const id = await put();
  t.deepEqual(await take({ limits: { memory: 1000 } }), []);
  t.deepEqual(await take({ limits: { memory: 1000 }, defaults: { memory: 1001 } }), []);
  t.deepEqual(idsOf(await take({ limits: { memory: 1000 }, defaults: { memory: 1000 } })), [id]);
});

testOnBoth('a task goes only to a foreman that has all the tags it requires', async (t, open) => {
  const { put, take } = await open();
  const id = await put({ requires: ['gpu', 'fast'] });
  t.deepEqual(await take({ tags: ['gpu'] }), []);
  t.deepEqual(idsOf(await take({ tags: ['fast', 'gpu', 'linux'] })), [id]);
});

testOnBoth('a hundred tasks that nobody can run do not block the one behind them', async (t, open) => {
  const { put, take } = await open();
  for (let count = 0; count < 100; count += 1) await put({ requires: ['moon'] });
  const id = await put();
  t.deepEqual(idsOf(await take({ most: 1 })), [id]);
});

testOnBoth('equal tasks share one queue, and a queue without ready tasks is not looked at', async (t, open) => {
  const { put, take, store } = await open();
  await put({ limits: { memory: '1G', cpus: 1 }, requires: ['a', 'b'] });
  await put({ limits: { cpus: 1, memory: '1024M' }, requires: ['b', 'a'], args: ['other'] });
  t.is((await store.read(queuesWithReady)).length, 1);
  t.is((await take({ tags: ['a', 'b'] })).length, 2);
  t.is((await store.read(queuesWithReady)).length, 0);
});

testOnBoth('an exclusive task is taken alone, and only by an idle node', async (t, open) => {
  const { put, take } = await open();
  const alone = await put({ exclusive: true });
  const other = await put();
  t.deepEqual(idsOf(await take({ idle: false })), [other]);
  const another = await put();
  t.deepEqual(idsOf(await take()), [alone]);
  t.deepEqual(idsOf(await take()), [another]);
});

testOnBoth('an exclusive task behind another one is not taken with it', async (t, open) => {
  const { put, take } = await open();
  const first = await put();
  await put({ exclusive: true });
  t.deepEqual(idsOf(await take()), [first]);
});

testOnBoth(
  'a foreman with a name gets leases to be renewed, one without gets twice the time limit and ten seconds',
  async (t, open) => {
    const { put, take, row, clock } = await open();
    const id = await put({ limits: { time: '30s' } });
    const endless = await put({ limits: { cpus: 1 } });
    const named = await put();
    const [timed] = await take({ foreman: undefined, most: 1 });
    t.is(timed?.leaseMs, 70_000);
    t.is((await row(id)).expires_ms, clock.now() + 70_000);
    const [long] = await take({ foreman: undefined, most: 1 });
    t.deepEqual([long?.id, long?.leaseMs], [endless, 3_600_000]);
    const [renewed] = await take({ foreman: ONE });
    t.deepEqual([renewed?.id, renewed?.leaseMs], [named, LEASES.renewedMs]);
  },
);

testOnBoth('a task is given to one foreman only', async (t, open) => {
  const { put, take, events } = await open();
  const id = await put();
  const both = await Promise.all([take(), take()]);
  t.deepEqual(
    both.map((taken) => taken.length),
    [1, 0],
  );
  t.deepEqual(await events(id), ['created', 'assigned']);
});

testOnBoth('regression: a task that asks for more cores than can be counted stops nobody', async (t, open) => {
  const { put, take, store, clock } = await open();
  const ids = [
    await put({ limits: { cpus: Number.MAX_SAFE_INTEGER } }),
    await put({ limits: { cpus: 4_000_000_000 } }),
  ];
  const other = await put();
  t.deepEqual(idsOf(await take({ limits: {}, most: 3 })), [...ids, other]);
  for (const id of ids) {
    await store.write(async (db) => {
      const row = await findTask(db, id);
      if (row !== undefined) await cancelTask(db, row, { now: clock.now(), why: 'enough' });
    });
  }
  await put();
  t.is((await take()).length, 1);
});

testOnBoth(
  'regression: an image that a running task has paid for leaves room for the next task of it',
  async (t, open) => {
    const { put, take } = await open();
    const same = await put({ image: 'busybox', limits: { image: '60b' } });
    const other = await put({ image: 'debian', limits: { image: '60b' } });
    const limits = { image: 40 };
    t.deepEqual(idsOf(await take({ limits })), []);
    t.deepEqual(idsOf(await take({ limits, paid: new Map([['busybox', 60]]) })), [same]);
    t.deepEqual(idsOf(await take({ limits: { image: 60 } })), [other]);
  },
);

testOnBoth('a task whose image the node has goes before an older one that is equal', async (t, open) => {
  const { put, take } = await open();
  const older = await put({ image: 'debian:12' });
  const there = await put({ image: 'docker.io/library/busybox' });
  t.deepEqual(idsOf(await take({ images: new Set(['busybox:latest']) })), [there, older]);
});

testOnBoth(
  'a task whose image the node has goes before neither a higher priority nor a smaller share',
  async (t, open) => {
    const { put, take, user } = await open();
    const images = new Set(['busybox:latest']);
    const high = await put({ image: 'debian:12', priority: 1 });
    const there = await put();
    t.deepEqual(idsOf(await take({ most: 1, images })), [high]);
    const others = await put({ image: 'debian:12' }, await user('other'));
    await put();
    t.deepEqual(idsOf(await take({ most: 2, images })), [others, there]);
  },
);

testOnBoth('a task is passed by no more younger ones than the head start, however many come', async (t, open) => {
  const { put, take } = await open();
  const old = await put({ image: 'debian:12' });
  for (let count = 0; count < HEAD_START + 20; count += 1) await put();
  const images = new Set(['busybox:latest']);
  const taken = idsOf(await take({ most: HEAD_START + 10, images }));
  t.is(taken.indexOf(old), HEAD_START - 1);
});
