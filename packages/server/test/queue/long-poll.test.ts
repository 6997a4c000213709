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
