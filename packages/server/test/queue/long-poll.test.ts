import { setImmediate } from 'node:timers/promises';
import { LEASES } from '@kolejka/protocol';
import test from 'ava';
import { openLog } from '@kolejka/program';
import { MESSAGES } from '../../src/messages.ts';
import { dequeue } from '../../src/queue/long-poll.ts';
import { leaseWatch } from '../../src/queue/watch-leases.ts';
import { watchForAbsence } from '../../src/queue/absence.ts';
import { idsOf, openQueue, passFor } from '../queue-scene.ts';

const never = new AbortController().signal;

/** Lets everything happen that can happen without time passing. */
async function settle(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await setImmediate();
}

test('a foreman that waits gets the task the moment it is put', async (t) => {
  const scene = await openQueue();
  const waiting = dequeue(scene, scene.offer(), 60_000, never);
  await settle();
  const id = await scene.put();
  t.deepEqual(idsOf(await waiting), [id]);
});

test('a foreman is not woken by tasks that do not fit it', async (t) => {
  const scene = await openQueue();
  let ended = false;
  const waiting = dequeue(scene, scene.offer(), 60_000, never).finally(() => (ended = true));
  await settle();
  await scene.put({ requires: ['moon'] });
  await settle();
  t.false(ended);
  scene.clock.move(60_000);
  t.deepEqual(await waiting, []);
});

test('without a wait the answer comes at once', async (t) => {
  const scene = await openQueue();
  t.deepEqual(await dequeue(scene, scene.offer(), 0, never), []);
});

test('to a foreman that went away nothing is assigned', async (t) => {
  const scene = await openQueue();
  const gone = new AbortController();
  const waiting = dequeue(scene, scene.offer(), 60_000, gone.signal);
  await settle();
  gone.abort();
  const id = await scene.put();
  t.deepEqual(await waiting, []);
  t.like(await scene.row(id), { state: 'pending', attempt: 0 });
});

test('a foreman that goes away while its task is written down gives it back', async (t) => {
  const scene = await openQueue();
  const id = await scene.put();
  const gone = new AbortController();
  scene.store.onCommit(() => gone.abort());
  t.deepEqual(await dequeue(scene, scene.offer(), 60_000, gone.signal), []);
  t.like(await scene.row(id), { state: 'pending', losses: 0 });
  t.deepEqual(await scene.events(id), ['created', 'assigned', 'returned']);
});

test('a foreman that waits gets a lost task when its pause is over', async (t) => {
  const scene = await openQueue();
  const id = await scene.put();
  await scene.take();
  const pass = leaseWatch({
    ...scene,
    absence: watchForAbsence(scene.clock),
    log: openLog('test', MESSAGES, { level: 'silent' }),
  });
  await pass();
  const waiting = dequeue(scene, scene.offer(), 600_000, never);
  await settle();
  await passFor(scene.clock, LEASES.renewedMs, pass);
  await settle();
  t.like(await scene.row(id), { state: 'pending' });
  scene.clock.move(LEASES.backOffMs(1));
  await pass();
  t.deepEqual(idsOf(await waiting), [id]);
});

test('of two foremen that wait for one task, one gets it and the other goes on waiting', async (t) => {
  const scene = await openQueue();
  const both = [1, 2].map(() => dequeue(scene, scene.offer(), 60_000, never));
  await settle();
  await scene.put();
  t.is((await Promise.race(both)).length, 1);
  await settle();
  scene.clock.move(60_000);
  t.is((await Promise.all(both)).flat().length, 1);
});

/** So many foremen that wait, and how often each has looked at the queue. */
async function openCrowd(size: number) {
  const scene = await openQueue();
  let looks = 0;
  const store: typeof scene.store = {
    ...scene.store,
    write: (change) => {
      looks += 1;
      return scene.store.write(change);
    },
  };
  const ended: string[] = [];
  const gone = Array.from({ length: size }, () => new AbortController());
  const waiting = gone.map(async ({ signal }, index) => {
    const taken = await dequeue({ ...scene, store }, scene.offer({ tags: [`n${index}`], most: 1 }), 60_000, signal);
    ended.push(...taken.map(() => `n${index}`));
  });
  await settle();
  return { ...scene, looks: () => looks, ended, gone, over: () => Promise.all(waiting) };
}

test('one task wakes one of the foremen it fits, the one that has waited longest', async (t) => {
  const { put, looks, ended, clock, over } = await openCrowd(50);
  const before = looks();
  await put();
  await settle();
  t.is(looks() - before, 1);
  t.deepEqual(ended, ['n0']);
  clock.move(60_000);
  await over();
});

test('so many tasks put at once wake so many foremen', async (t) => {
  const { put, ended, clock, over } = await openCrowd(5);
  await Promise.all([put(), put(), put()]);
  await settle();
  t.deepEqual(ended.toSorted(), ['n0', 'n1', 'n2']);
  clock.move(60_000);
  await over();
});

test('a foreman that goes away when it is woken passes the task on', async (t) => {
  const { put, ended, gone, store, clock, over } = await openCrowd(3);
  const end = store.onCommit(() => gone[0]?.abort());
  await put();
  await settle();
  end();
  t.deepEqual(ended, ['n1']);
  clock.move(60_000);
  await over();
});

test('a foreman that is woken for one task and takes a better one passes the first on', async (t) => {
  const { put, row, ended, clock, over } = await openCrowd(2);
  // Both come in one commit: the first bell is rung for the one, the second may not run what only the first can.
  const [usual, better] = await Promise.all([put(), put({ requires: ['n0'], priority: 5 })]);
  await settle();
  t.like(await row(better), { state: 'assigned' });
  t.like(await row(usual), { state: 'assigned' });
  t.true(ended.length >= 1);
  clock.move(60_000);
  await over();
});
