import { setTimeout as sleep } from 'node:timers/promises';
import { openLog } from '@kolejka/program';
import { LEASES } from '@kolejka/protocol';
import { MESSAGES } from '../../src/messages.ts';
import { watchForAbsence } from '../../src/queue/absence.ts';
import { renew } from '../../src/queue/leases.ts';
import type { Taken } from '../../src/queue/dequeue.ts';
import { dequeue } from '../../src/queue/long-poll.ts';
import { leaseWatch } from '../../src/queue/watch-leases.ts';
import { idsOf, ONE, type OpenQueue, OTHER, testOnBoth } from '../queue-scene.ts';

type Scene = Awaited<ReturnType<OpenQueue>>;

const never = new AbortController().signal;

const passOf = (scene: Scene) =>
  leaseWatch({
    ...scene,
    absence: watchForAbsence(scene.clock),
    log: openLog('test', MESSAGES, { level: 'silent' }),
  });

/** Puts a task that has been handed back, and is held back for a moment. */
async function putPaused({ store, clock, put, take, holder }: Scene) {
  const id = await put();
  await take();
  const held = { task: id, attempt: 1, phase: 'returned' } as const;
  await store.write((db) => renew(db, { holder, foreman: ONE }, held, clock.now()));
  return id;
}

/** A foreman that has looked, has found nothing, and waits. */
async function fallAsleep(scene: Scene) {
  const taken = dequeue(scene, scene.offer(), 60_000, never);
  // Comes after its look, which is a write too.
  await scene.store.write(async () => undefined);
  return { taken };
}

/** What the foreman got, if it was woken; one that nobody wakes looks once more when its time is over. */
async function takenWhenWoken({ clock }: Scene, taken: Promise<Taken[]>) {
  const asleep = sleep(60_000, 'asleep', { ref: false });
  const woken = await Promise.race([taken, asleep]);
  if (woken === 'asleep') clock.move(60_000);
  await taken;
  return typeof woken === 'string' ? woken : idsOf(woken);
}

testOnBoth('regression: a foreman gets a task whose pause ended when another foreman asked', async (t, open) => {
  const scene = await open();
  const pass = passOf(scene);
  const id = await putPaused(scene);
  const { taken } = await fallAsleep(scene);
  await pass();
  scene.clock.move(LEASES.returnedMs);
  t.deepEqual(await scene.take({ foreman: OTHER, tags: [], limits: { memory: 1 }, defaults: { memory: 2 } }), []);
  await pass();
  t.deepEqual(await takenWhenWoken(scene, taken), [id]);
});

testOnBoth('regression: a foreman gets a task whose pause was ended by another server', async (t, open) => {
  const [here, there] = [await open(), await open()];
  const passes = [there, here].map((scene) => ({ scene, pass: passOf(scene) }));
  const id = await putPaused(there);
  const { taken } = await fallAsleep(here);
  for (const { pass } of passes) await pass();
  for (const { scene, pass } of passes) {
    scene.clock.move(LEASES.returnedMs);
    await pass();
  }
  t.deepEqual(await takenWhenWoken(here, taken), [id]);
});
