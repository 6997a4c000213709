import { openLog } from '@kolejka/program';
import { LEASES, type TaskId } from '@kolejka/protocol';
import test from 'ava';
import { MESSAGES } from '../../src/messages.ts';
import { watchForAbsence } from '../../src/queue/absence.ts';
import { renew } from '../../src/queue/leases.ts';
import { leaseWatch } from '../../src/queue/watch-leases.ts';
import { type HeldClock, heldClock, ONE, openQueue, passFor } from '../queue-scene.ts';
import { openScene } from '../server-scene.ts';

/** A task that foreman ONE has taken, and the pass that looks after leases. */
async function open() {
  const scene = await openQueue();
  const { store, clock, holder } = scene;
  const log = openLog('test', MESSAGES, { level: 'silent' });
  const pass = leaseWatch({ ...scene, absence: watchForAbsence(clock), log });
  const id = await scene.put();
  await scene.take();
  const heartbeat = async (task: TaskId) =>
    (await store.write((db) => renew(db, { holder, foreman: ONE }, { task, attempt: 1 }, clock.now()))).verdict;
  return { ...scene, pass, id, heartbeat };
}

const ABSENCES: Record<string, (clock: HeldClock) => void> = {
  'was stopped for an hour': (clock) => clock.move(3_600_000),
  'was suspended with its monotonic clock': (clock) => clock.setCalendar(3_600_000),
  'had its calendar set back': (clock) => clock.setCalendar(-3_600_000),
};

for (const [what, happens] of Object.entries(ABSENCES)) {
  test(`regression: a server that ${what} gives foremen one lease to be heard of, once`, async (t) => {
    const { clock, pass, id, row, heartbeat } = await open();
    await passFor(clock, 10_000, pass);
    happens(clock);
    await pass();
    t.like(await row(id), { state: 'assigned', losses: 0 });
    await passFor(clock, LEASES.renewedMs - 1, pass);
    t.is(await heartbeat(id), 'keep');
    await passFor(clock, LEASES.renewedMs - 1, pass);
    t.like(await row(id), { state: 'assigned' });
    await passFor(clock, 1, pass);
    t.like(await row(id), { state: 'pending', losses: 1 });
  });
}

test('regression: a task that is held back does not wait for an hour because the calendar was set back by one', async (t) => {
  const { clock, pass, id, row, take } = await open();
  await passFor(clock, LEASES.renewedMs, pass);
  t.true(((await row(id)).not_before_ms ?? 0) > clock.now());
  clock.setCalendar(-3_600_000);
  await passFor(clock, 6000, pass);
  t.is((await take()).length, 1);
});

test('an absence is remembered until it is made up for', (t) => {
  const clock = heldClock();
  const absence = watchForAbsence(clock);
  clock.move(1500);
  t.false(absence.noticed());
  clock.move(60_000);
  t.true(absence.noticed());
  t.true(absence.noticed());
  absence.madeUp();
  t.false(absence.noticed());
});

test('regression: a heartbeat that lay in the socket while the server was away is not late', async (t) => {
  const clock = heldClock();
  const { as, put, take } = await openScene(t, { clock });
  await put('client');
  const taken = await take('foreman', 'f');
  // Without a look at the loop in between: the calendar wakes nobody.
  clock.setCalendar(60_000);
  const { json } = await as('foreman', '/queue/heartbeat/', { json: { foreman: 'f', tasks: [taken] } });
  t.like((json['tasks'] as unknown[])[0], { verdict: 'keep' });
});
