import { LEASES, type TaskId } from '@kolejka/protocol';
import { moveTask } from '../../src/database/tasks.ts';
import { expireLeases, forgiveAbsence, judge, renew } from '../../src/queue/leases.ts';
import { idsOf, ONE, type OpenQueue, OTHER, testOnBoth } from '../queue-scene.ts';

type Scene = Awaited<ReturnType<OpenQueue>>;
type Held = Parameters<typeof renew>[2];

const heartbeat = async ({ store, holder, clock }: Scene, held: Held, foreman = ONE) =>
  (await store.write((db) => renew(db, { holder, foreman }, held, clock.now()))).verdict;
const expire = ({ store, clock }: Scene) => store.write((db) => expireLeases(db, clock.now()));

/** A task that foreman ONE has taken. */
async function taken(open: OpenQueue): Promise<Scene & { id: TaskId }> {
  const scene = await open();
  const id = await scene.put();
  await scene.take();
  return { ...scene, id };
}

testOnBoth('a lease that is renewed in time does not run out', async (t, open) => {
  const scene = await taken(open);
  for (let count = 0; count < 5; count += 1) {
    scene.clock.move(LEASES.renewedMs - 1);
    t.is(await heartbeat(scene, { task: scene.id, attempt: 1 }), 'keep');
    t.deepEqual(await expire(scene), []);
  }
});

testOnBoth('a late renewal is refused', async (t, open) => {
  const scene = await taken(open);
  scene.clock.move(LEASES.renewedMs);
  t.is(await heartbeat(scene, { task: scene.id, attempt: 1 }), 'kill');
});

testOnBoth('leases are as long as the server is set, from the first to the one after an absence', async (t, open) => {
  const { store, clock, holder, put, take } = await open();
  const [task, leaseMs] = [await put(), 7000];
  const from = { holder, foreman: ONE, leaseMs };
  const renewed = async () => (await store.write((db) => renew(db, from, { task, attempt: 1 }, clock.now()))).verdict;
  t.is((await take({ leaseMs }))[0]?.leaseMs, leaseMs);
  clock.move(leaseMs - 1);
  t.is(await renewed(), 'keep');
  clock.move(leaseMs - 1);
  t.is(await store.write((db) => forgiveAbsence(db, clock.now(), leaseMs)), 1);
  clock.move(leaseMs - 1);
  t.is(await renewed(), 'keep');
  clock.move(leaseMs);
  t.is(await renewed(), 'kill');
});

testOnBoth('only the foreman that has the task keeps it', async (t, open) => {
  const scene = await taken(open);
  t.is(await heartbeat(scene, { task: scene.id, attempt: 1 }, OTHER), 'kill');
  t.is(await heartbeat(scene, { task: scene.id, attempt: 2 }), 'kill');
  t.is(await heartbeat(scene, { task: '0'.repeat(32) as TaskId, attempt: 1 }), 'kill');
  t.is(await heartbeat(scene, { task: scene.id, attempt: 1 }), 'keep');
});

testOnBoth('a heartbeat is answered without a write until a third of the lease is gone', async (t, open) => {
  const scene = await taken(open);
  const { store, holder, clock, id } = scene;
  const ask = async (held: Partial<Held> = {}, foreman = ONE) => {
    const reported = { task: id, attempt: 1, ...held };
    const verdict = await store.read((db) => judge(db, { holder, foreman }, reported, clock.now()));
    return verdict?.verdict;
  };
  t.is(await ask(), 'keep');
  t.is(await ask({ attempt: 2 }), 'kill');
  t.is(await ask({}, OTHER), 'kill');
  t.is(await ask({ phase: 'running' }), undefined);
  t.is(await ask({ phase: 'lost' }), undefined);
  clock.move(LEASES.renewedMs * LEASES.renewAt);
  t.is(await ask(), undefined);
  clock.move(LEASES.renewedMs);
  t.is(await ask(), 'kill');
});

testOnBoth('a task that a foreman died over is lost at once, and counted', async (t, open) => {
  const scene = await taken(open);
  t.is(await heartbeat(scene, { task: scene.id, attempt: 1, phase: 'lost' }), 'kill');
  t.like(await scene.row(scene.id), { state: 'pending', losses: 1 });
  scene.clock.move(LEASES.backOffMs(1));
  t.like((await scene.take({ foreman: OTHER }))[0], { id: scene.id, attempt: 2 });
});

testOnBoth('running is written down once, however often it is said', async (t, open) => {
  const scene = await taken(open);
  for (let count = 0; count < 3; count += 1) await heartbeat(scene, { task: scene.id, attempt: 1, phase: 'running' });
  t.deepEqual(await scene.events(scene.id), ['created', 'assigned', 'running']);
});

testOnBoth('a returned task waits again after a moment and has lost nothing', async (t, open) => {
  const scene = await taken(open);
  t.is(await heartbeat(scene, { task: scene.id, attempt: 1, phase: 'returned' }), 'kill');
  t.like(await scene.row(scene.id), { state: 'pending', losses: 0, holder: null });
  t.deepEqual(await scene.take({ foreman: OTHER }), [], 'a node that hands back all it is given does not spin');
  scene.clock.move(LEASES.returnedMs);
  const [again] = await scene.take({ foreman: OTHER });
  t.like(again, { id: scene.id, attempt: 2 });
});

testOnBoth('a task whose lease ran out waits again, after a pause that grows', async (t, open) => {
  const scene = await taken(open);
  scene.clock.move(LEASES.renewedMs);
  t.like((await expire(scene))[0], { task: scene.id, foreman: ONE, losses: 1, state: 'pending' });
  t.deepEqual(await scene.take(), []);
  scene.clock.move(LEASES.backOffMs(1));
  t.deepEqual(idsOf(await scene.take({ foreman: OTHER })), [scene.id]);
  scene.clock.move(LEASES.renewedMs);
  await expire(scene);
  scene.clock.move(LEASES.backOffMs(2) - 1);
  t.deepEqual(await scene.take(), []);
  scene.clock.move(1);
  t.deepEqual(idsOf(await scene.take()), [scene.id]);
});

testOnBoth('a task that was lost too often is failed, with its story', async (t, open) => {
  const scene = await taken(open);
  for (let losses = 1; losses < LEASES.losses; losses += 1) {
    scene.clock.move(LEASES.renewedMs);
    await expire(scene);
    scene.clock.move(LEASES.backOffMs(losses));
    await scene.take({ foreman: OTHER });
  }
  scene.clock.move(LEASES.renewedMs);
  t.like((await expire(scene))[0], { state: 'failed' });
  t.deepEqual(await scene.take(), []);
  t.is((await scene.events(scene.id)).at(-1), 'failed');
  const story = await scene.store.read((db) =>
    db.get<{ message: string }>("select message from events where event = 'failed'"),
  );
  t.regex(
    story?.message ?? '',
    /Given up after 3 losses: attempt 1: foreman one .*attempt 2: foreman other .*attempt 3: /,
  );
});

testOnBoth(
  'a server that was away gives foremen with a heartbeat the time of one lease, the others keep what they had',
  async (t, open) => {
    const scene = await taken(open);
    const silent = await scene.put({ limits: { time: '1s' } });
    await scene.take({ foreman: undefined });
    scene.clock.move(3_600_000);
    t.is(await scene.store.write((db) => forgiveAbsence(db, scene.clock.now())), 1);
    t.deepEqual(
      (await expire(scene)).map(({ task }) => task),
      [silent],
    );
    t.is(await heartbeat(scene, { task: scene.id, attempt: 1 }), 'keep');
  },
);

testOnBoth('a move from a row that is no longer true changes nothing and writes no event', async (t, open) => {
  const { store, row, id, clock, events } = await taken(open);
  const old = await row(id);
  const now = clock.now();
  t.truthy(await store.write((db) => moveTask(db, old, 'returned', { holder: null }, { now })));
  t.is(await store.write((db) => moveTask(db, old, 'resolved', {}, { now })), undefined);
  t.deepEqual(await events(id), ['created', 'assigned', 'returned']);
});
