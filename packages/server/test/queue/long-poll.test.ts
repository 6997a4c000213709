import { setImmediate } from 'node:timers/promises';
import { type ForemanName, LEASES } from '@kolejka/protocol';
import test from 'ava';
import { openLog } from '@kolejka/program';
import { MESSAGES } from '../../src/messages.ts';
import { dequeue } from '../../src/queue/long-poll.ts';
import { leaseWatch } from '../../src/queue/watch-leases.ts';
import { watchForAbsence } from '../../src/queue/absence.ts';
import { idsOf, ONE, openQueue, OTHER, passFor } from '../queue-scene.ts';

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

test('a question of a foreman ends its older one at once, and takes its place', async (t) => {
  const scene = await openQueue();
  const older = dequeue(scene, scene.offer(), 60_000, never);
  await settle();
  const newer = dequeue(scene, scene.offer(), 60_000, never);
  t.deepEqual(await older, []);
  await settle();
  t.is(scene.waiting.size(), 1);
  const id = await scene.put();
  t.deepEqual(idsOf(await newer), [id]);
});

test('a question for no task ends the older one too, and is answered at once', async (t) => {
  const scene = await openQueue();
  const older = dequeue(scene, scene.offer(), 60_000, never);
  await settle();
  t.deepEqual(await dequeue(scene, scene.offer({ most: 0 }), 0, never), []);
  t.deepEqual(await older, []);
  t.is(scene.waiting.size(), 0);
});

test('a foreman that asks anew while its task is written down hears of the task all the same', async (t) => {
  const scene = await openQueue();
  const older = dequeue(scene, scene.offer(), 60_000, never);
  await settle();
  const asked: Promise<unknown>[] = [];
  const end = scene.store.onCommit(() => asked.push(dequeue(scene, scene.offer({ most: 0 }), 0, never)));
  const id = await scene.put();
  await settle();
  end();
  t.true(asked.length > 0);
  t.deepEqual(
    [...idsOf(await older), ...idsOf(await scene.take())],
    [id],
    'it is in the older answer, or waits for the next question',
  );
  await Promise.all(asked);
});

test('a task that was to wake an older question goes to another foreman', async (t) => {
  const scene = await openQueue();
  const older = dequeue(scene, scene.offer(), 60_000, never);
  await settle();
  const other = dequeue(scene, scene.offer({ foreman: OTHER }), 60_000, never);
  await settle();
  // The older one is outdated while the task is being written down.
  const [id] = await Promise.all([scene.put(), dequeue(scene, scene.offer({ most: 0 }), 0, never)]);
  t.deepEqual(await older, []);
  t.deepEqual(idsOf(await other), [id]);
});

for (const [who, first, second] of [
  ['of another name', { foreman: ONE }, { foreman: OTHER }],
  ['of another user', { holder: 1 }, { holder: 2 }],
  ['of the original, which has no name', { foreman: undefined }, { foreman: undefined }],
] as const) {
  test(`the question of a foreman ${who} ends nobody's`, async (t) => {
    const scene = await openQueue();
    const older = dequeue(scene, scene.offer(first), 60_000, never);
    await settle();
    t.deepEqual(await dequeue(scene, scene.offer({ ...second, most: 0 }), 0, never), []);
    await settle();
    t.is(scene.waiting.size(), 1);
    scene.clock.move(60_000);
    t.deepEqual(await older, []);
  });
}

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
  const both = [ONE, OTHER].map((foreman) => dequeue(scene, scene.offer({ foreman }), 60_000, never));
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
    const name = `n${index}`;
    const offer = scene.offer({ foreman: name as ForemanName, tags: [name], most: 1 });
    const taken = await dequeue({ ...scene, store }, offer, 60_000, signal);
    ended.push(...taken.map(() => name));
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

test('of foremen that wait, one that has the image is woken before one that has waited longer', async (t) => {
  const scene = await openQueue();
  const longer = dequeue(scene, scene.offer(), 60_000, never);
  await settle();
  const having = dequeue(scene, scene.offer({ foreman: OTHER, images: new Set(['busybox:latest']) }), 60_000, never);
  await settle();
  const [first, second] = [await scene.put(), await having];
  t.deepEqual(idsOf(second), [first]);
  const next = await scene.put();
  t.deepEqual(idsOf(await longer), [next], 'where nobody has it, whoever waits gets it');
});
