// Random work on a queue, by foremen at two servers, held against what looking at every single task says.
import { openLog } from '@kolejka/program';
import { familiarImage, type ForemanName, LEASES } from '@kolejka/protocol';
import type { ExecutionContext } from 'ava';
import { cancelTask, removeTask } from '../../src/database/removal.ts';
import { sharePerUser, UNUSED } from '../../src/database/shares.ts';
import type { Connection } from '../../src/database/store.ts';
import { findTask } from '../../src/database/tasks.ts';
import { MESSAGES } from '../../src/messages.ts';
import { watchForAbsence } from '../../src/queue/absence.ts';
import { HEAD_START, type Offer, takeTasks } from '../../src/queue/dequeue.ts';
import { giveBack, renew } from '../../src/queue/leases.ts';
import { dequeue } from '../../src/queue/long-poll.ts';
import { leaseWatch } from '../../src/queue/watch-leases.ts';
import { openRandom, type Random } from '../crash/random.ts';
import { idsOf, type OpenQueue, testOnBoth } from '../queue-scene.ts';
import { until } from '../until.ts';

type Scene = Awaited<ReturnType<OpenQueue>>;

interface Waiter {
  offer: Offer;
  leave: AbortController;
  isOver: boolean;
}

/** What a task asks for, read from its class. */
interface Asked {
  number: number;
  id: string;
  owner: number;
  priority: number;
  image: string;
  requires: string;
  limits: string;
  exclusive: 0 | 1;
}

const READY = `select tasks.number, tasks.id, tasks.owner, queues.priority, image, requires, limits, exclusive
  from tasks join classes on classes.id = tasks.class join queues on queues.id = tasks.queue
  where state = 'pending' and not_before_ms = 0 order by tasks.number`;

const cpusOf = ({ limits }: Asked) => (JSON.parse(limits) as { cpus: number }).cpus;

function fits(task: Asked, offer: Offer, freeCpus = offer.limits.cpus as number): boolean {
  if (task.exclusive === 1 && !offer.idle) return false;
  return (JSON.parse(task.requires) as string[]).every((tag) => offer.tags.includes(tag)) && cpusOf(task) <= freeCpus;
}

/** What the offer should be given, found by looking at every task again for each. */
async function bestOf(db: Connection, offer: Offer, now: number): Promise<string[]> {
  const shares = await sharePerUser(db, now);
  const useOf = (owner: number) => shares.get(owner) ?? UNUSED;
  let ready = await db.all<Asked>(READY);
  let free = offer.limits.cpus as number;
  const extra = new Map<number, number>();
  const chosen: string[] = [];
  while (chosen.length < offer.most) {
    const use = ({ owner }: Asked) => useOf(owner).use + (extra.get(owner) ?? 0);
    const place = ({ number, image }: Asked) => number - (offer.images.has(familiarImage(image)) ? HEAD_START : 0);
    const [best] = ready
      .filter((task) => fits(task, offer, free) && (task.exclusive === 0 || chosen.length === 0))
      .toSorted((a, b) => b.priority - a.priority || use(a) - use(b) || place(a) - place(b));
    if (best === undefined) break;
    chosen.push(best.id);
    if (best.exclusive === 1) break;
    free -= cpusOf(best);
    extra.set(best.owner, (extra.get(best.owner) ?? 0) + cpusOf(best) / useOf(best.owner).weight);
    ready = ready.filter((task) => task !== best);
  }
  return chosen;
}

/** What triggers and moves keep, counted anew, beside what they kept. */
const KEPT = {
  queues: [
    'select id, ready, head from queues order by id',
    `select queues.id, count(tasks.number) as ready, min(tasks.number) as head from queues
     left join tasks on tasks.queue = queues.id and state = 'pending' and not_before_ms = 0 group by queues.id order by queues.id`,
  ],
  counts: [
    'select state, count from task_counts where count > 0 order by state',
    'select state, count(*) as count from tasks group by state order by state',
  ],
  shares: [
    'select owner, cores, taken_s from shares where cores > 0 order by owner',
    `select tasks.owner, cast(sum(cores) as bigint) as cores, cast(sum(cores * (assigned_ms / 1000)) as bigint) as taken_s
     from tasks join classes on classes.id = tasks.class where state = 'assigned' group by tasks.owner order by tasks.owner`,
  ],
} as const;

const STEPS = 150;

testOnBoth('random work: the best is taken, counters are right, nobody waits in vain', async (t, open, engine) => {
  const seed = process.env['SEED'] ?? String(Date.now());
  t.log(`SEED=${seed}`);
  const random = openRandom(seed);
  const here = await open();
  // Two servers on one file of SQLite hear of each other once a second only; that is for command lines.
  const scenes = engine === 'SQLite' ? [here] : [here, await open()];
  const owners = await Promise.all(['a', 'b', 'c'].map((name) => here.user(name)));
  const waiters: Waiter[] = [];
  const steps = stepsOn(t, scenes, { random, owners, waiters });
  for (let step = 0; step < STEPS; step += 1) {
    await random.pick(steps)?.();
    for (const [what, [kept, counted]] of Object.entries(KEPT)) {
      const [is, should] = await here.store.write(async (db) => [await db.all(kept), await db.all(counted)]);
      t.deepEqual(is, should, `${what} after step ${step}`);
    }
    await requireNobodyWaitsInVain(t, here, waiters);
  }
  for (const { leave } of waiters) leave.abort();
});

function stepsOn(
  t: ExecutionContext,
  scenes: readonly Scene[],
  { random, owners, waiters }: { random: Random; owners: number[]; waiters: Waiter[] },
): (() => Promise<unknown>)[] {
  const passes = scenes.map((scene) =>
    leaseWatch({
      ...scene,
      absence: watchForAbsence(scene.clock),
      log: openLog('test', MESSAGES, { level: 'silent' }),
    }),
  );
  const anywhere = () => random.pick(scenes) as Scene;
  const offer = (): Offer =>
    anywhere().offer({
      foreman: `f${random.whole(4)}` as ForemanName,
      most: 1 + random.whole(3),
      tags: ['x', 'y'].filter(() => random.chance(0.6)),
      limits: { cpus: 2 + random.whole(3) },
      idle: random.chance(0.5),
      images: new Set(['busybox:latest', 'other:1'].filter(() => random.chance(0.4))),
    });
  const put = () =>
    anywhere().put(
      {
        image: random.pick(['busybox', 'other:1']),
        requires: ['x', 'y'].filter(() => random.chance(0.3)),
        limits: { cpus: 1 + random.whole(4) },
        exclusive: random.chance(0.2),
        priority: random.whole(3) - 1,
      },
      random.pick(owners),
    );
  const wait = async () => {
    if (waiters.length >= 10) return;
    // Of so many names some come twice: the newest question of a foreman ends the older one.
    const foreman = `w${random.whole(20)}` as ForemanName;
    const waiter: Waiter = { offer: { ...offer(), foreman }, leave: new AbortController(), isOver: false };
    waiters.push(waiter);
    void dequeue(anywhere(), waiter.offer, 3_600_000, waiter.leave.signal)
      .catch(() => undefined)
      .finally(() => {
        waiter.isOver = true;
        waiters.splice(waiters.indexOf(waiter), 1);
      });
  };
  /** Something that is done to a task in one of these states. */
  const withTask = async (states: string, change: (db: Connection, id: string, scene: Scene) => Promise<unknown>) => {
    const scene = anywhere();
    await scene.store.write(async (db) => {
      const all = await db.all<{ id: string }>(`select id from tasks where state in (${states}) order by number`);
      const one = random.pick(all);
      if (one !== undefined) await change(db, one.id, scene);
    });
  };
  const rowOf = async (db: Connection, id: string) => {
    const row = await findTask(db, id);
    if (row === undefined) throw new Error('no task');
    return row;
  };
  return [
    put,
    () => Promise.all([put(), put(), put()]),
    wait,
    wait,
    async () => {
      for (let count = 0; count < 5; count += 1) await wait();
    },
    async () => random.pick(waiters)?.leave.abort(),
    // Some go away at the moment tasks come: the one that was woken may be among them.
    async () => {
      const leaving = waiters.filter(() => random.chance(0.3));
      const end = scenes[0]?.store.onCommit(() => {
        for (const { leave } of leaving) leave.abort();
      });
      await Promise.all([put(), put(), put()]);
      end?.();
    },
    async () => {
      const { store, classes, clock } = anywhere();
      const asked = offer();
      await store.write(async (db) => {
        const page = classes.open();
        // It ends pauses first.
        await takeTasks(db, page, { ...asked, most: 0 }, clock.now());
        const best = await bestOf(db, asked, clock.now());
        t.deepEqual(idsOf(await takeTasks(db, page, asked, clock.now())) as string[], best);
      });
    },
    () =>
      withTask(`'assigned'`, async (db, id, { clock }) => {
        const row = await rowOf(db, id);
        const phase = random.pick(['running', 'returned', 'taken'] as const) ?? 'taken';
        await renew(
          db,
          { holder: row.holder ?? 0, foreman: row.foreman },
          { task: row.id, attempt: row.attempt, phase },
          clock.now(),
        );
      }),
    () => withTask(`'assigned'`, async (db, id, { clock }) => giveBack(db, await rowOf(db, id), clock.now())),
    () =>
      withTask(`'pending', 'assigned'`, async (db, id, { clock }) =>
        cancelTask(db, await rowOf(db, id), { now: clock.now(), why: 'cancelled' }),
      ),
    () =>
      withTask(`'pending', 'assigned', 'failed', 'cancelled'`, async (db, id, { clock }) =>
        removeTask(db, await rowOf(db, id), { now: clock.now(), why: 'removed' }),
      ),
    async () => {
      for (let seconds = random.chance(0.2) ? LEASES.renewedMs / 1000 + 1 : 1; seconds > 0; seconds -= 1) {
        for (const { clock } of scenes) clock.move(1000);
        // Whoever asks ends pauses, and tells nobody.
        if (random.chance(0.5)) await anywhere().take({ most: 0 });
        for (const pass of passes) await pass();
      }
    },
  ];
}

/** Whoever was woken needs a moment to look. No pass helps: a lost ring would stay lost until the next. */
async function requireNobodyWaitsInVain(
  t: ExecutionContext,
  { store }: Scene,
  waiters: readonly Waiter[],
): Promise<void> {
  const isInVain = async () => {
    const ready = await store.read((db) => db.all<Asked>(READY));
    const waiting = waiters.filter(({ isOver, leave }) => !isOver && !leave.signal.aborted);
    return waiting.some(({ offer }) => ready.some((task) => fits(task, offer)));
  };
  await t.notThrowsAsync(
    until(async () => !(await isInVain())),
    'a foreman waits beside a task that fits it',
  );
}
