import type { TaskId } from '@kolejka/protocol';
import test from 'ava';
import { foremenSince, noteForeman, type Offered } from '../../src/database/foremen.ts';
import { keptRooms } from '../../src/database/kept-rooms.ts';
import { countAhead } from '../../src/queue/ahead.ts';
import type { Offer } from '../../src/queue/dequeue.ts';
import { explainTask } from '../../src/queue/explain.ts';
import { WAITED_MS } from '../../src/queue/keep-room.ts';
import { giveBack } from '../../src/queue/leases.ts';
import { openScene } from '../server-scene.ts';
import { OTHER, openQueue } from '../queue-scene.ts';

const G = 1024 ** 3;

async function open() {
  const scene = await openQueue();
  const { store, clock, row, classes } = scene;
  return {
    ...scene,
    note: async (given: Partial<Offer>) => {
      const offer = scene.offer(given);
      await store.write((db) => noteForeman(db, offer, offer satisfies Offered, clock.now()));
    },
    why: async (id: TaskId): Promise<string[]> => {
      const task = await row(id);
      const reasons = await store.read(async (db) =>
        explainTask(
          task,
          await classes.open().find(db, task.class),
          {
            foremen: await foremenSince(db, clock.now() - 600_000),
            ahead: await countAhead(db, task, clock.now()),
            rooms: await keptRooms(db, clock.now()),
          },
          clock.now(),
        ),
      );
      return reasons.map(({ code, message }) => `${code}: ${message}`);
    },
  };
}

test('without foremen that is what is said', async (t) => {
  const { put, why, note, clock } = await open();
  const id = await put();
  t.deepEqual(await why(id), ['no-foreman: No foreman was heard of in the last ten minutes.']);
  await note({});
  t.deepEqual(await why(id), []);
  clock.move(600_001);
  t.deepEqual(await why(id), ['no-foreman: No foreman was heard of in the last ten minutes.']);
});

test('tags that no foreman has are named', async (t) => {
  const { put, why, note } = await open();
  await note({ tags: ['a'] });
  await note({ tags: ['b'], foreman: OTHER });
  t.deepEqual(await why(await put({ requires: ['a', 'x'] })), ['tag: No foreman has the tag x.']);
  t.deepEqual((await why(await put({ requires: ['a', 'b'] })))[0], 'tag: No single foreman has all of the tags a, b.');
});

test('a limit that is larger than any foreman offers is named with both figures', async (t) => {
  const { put, why, note } = await open();
  await note({ limits: { memory: 16 * G, cpus: 8 } });
  await note({ limits: { memory: 32 * G, cpus: 4 }, foreman: OTHER });
  const huge = await put({ limits: { memory: '64G', cpus: 1 } });
  t.deepEqual(await why(huge), ['limit: It needs 64G of memory and the largest offers 32G.']);
  t.deepEqual(
    (await why(await put({ limits: { memory: '1G' } })))[0],
    'limit: It states no cpus, which the foremen count.',
  );
});

test('of a foreman that could run it the room it lacks is named', async (t) => {
  const { put, why, note } = await open();
  await note({ limits: { memory: 32 * G } });
  await note({ limits: { memory: 1.5 * G } });
  t.deepEqual(await why(await put({ limits: { memory: '4G' } })), [
    'busy: No foreman has room for it: one could run it, but has 1.5G of memory free where it needs 4G at the moment.',
  ]);
});

test('a task that wants a node for itself waits for an idle one', async (t) => {
  const { put, why, note } = await open();
  await note({ idle: false });
  t.deepEqual(await why(await put({ exclusive: true })), [
    'busy: No foreman has room for it: one could run it, but not alone as it wants at the moment.',
  ]);
});

test('that a foreman keeps its room is said of the task it is for, and of those that would fit there', async (t) => {
  const { put, take, why, note, clock } = await open();
  const large = await put({ limits: { cpus: 4 } });
  const small = await put({ limits: { cpus: 1 } });
  const busy = { limits: { cpus: 2 }, node: { cpus: 4 }, idle: false };
  await note({ limits: { cpus: 4 } });
  await note(busy);
  clock.move(WAITED_MS);
  t.deepEqual(await take(busy), []);
  t.is((await why(large))[1], 'busy: Foreman one takes nothing behind it until it has room for it, for 600 s at most.');
  const kept = 'busy: Room for it is kept for a larger task that is first in line, at one.';
  t.is((await why(small))[0], kept);
  await note({ ...busy, foreman: OTHER });
  t.false((await why(small)).includes(kept), 'another foreman has room');
});

test('who goes before is counted: older ones of the user, urgent ones and those of who has used less', async (t) => {
  const { put, take, why, note, user } = await open();
  await note({});
  await put();
  await take();
  const other = await user('other');
  await put({ args: ['older'] });
  await put({ priority: 9 });
  await put({}, other);
  await put({ priority: 9 }, other);
  await put({ priority: -1 }, other);
  const id = await put();
  await put();
  t.deepEqual(await why(id), ['behind: Before it go 2 of the same user and 2 of others, as far as they fit.']);
});

test('a task that is held back, assigned or over says so', async (t) => {
  const { put, take, row, store, clock, why, note } = await open();
  await note({});
  const id = await put();
  await take();
  t.deepEqual(await why(id), ['state: Foreman one has the task, attempt 1: it is being prepared.']);
  const task = await row(id);
  await store.write((db) => giveBack(db, task, clock.now(), { pauseMs: 2000 }));
  t.deepEqual(await why(id), ['held-back: It waits 2 s more before it is tried again: a foreman handed it back.']);
});

test('over HTTP the owner hears why, with what foremen that asked have offered', async (t) => {
  const { as, put } = await openScene(t);
  const id = await put('client', { limits: { memory: '64G' } });
  await as('foreman', '/queue/dequeue/', { json: { foreman: 'f', limits: { memory: '32G' } } });
  const { json } = await as('client', `/task/explain/${id}/`);
  t.deepEqual(json['reasons'], [{ code: 'limit', message: 'It needs 64G of memory and the largest offers 32G.' }]);
  t.is((await as('other', `/task/explain/${id}/`)).status, 403);
  t.is((await as('client', `/task/explain/${'0'.repeat(32)}/`)).status, 404);
});
