/** A queue without a server around it: a database, two users, and a clock that the test moves. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '@kolejka/program';
import { type ForemanName, parseTask, type TaskId } from '@kolejka/protocol';
import type { ExecutionContext } from 'ava';
import { openClassBook } from '../src/database/classes.ts';
import { followLog } from '../src/database/follow.ts';
import { openStore } from '../src/database/open.ts';
import { findTask, insertTask, type TaskRow } from '../src/database/tasks.ts';
import { findUser, insertUser } from '../src/database/users.ts';
import { type Offer, type Taken, takeTasks } from '../src/queue/dequeue.ts';
import { openSeen } from '../src/queue/seen.ts';
import { openWaiting } from '../src/queue/waiting.ts';
import { ENGINES, PATIENT, type TestEngine } from './engines.ts';

export const ONE = 'one' as ForemanName;
export const OTHER = 'other' as ForemanName;

export interface HeldClock extends Clock {
  move(milliseconds: number): void;
  /** How many sleep. */
  asleep(): number;
  /** As `date -s` does. */
  setCalendar(later: number): void;
}

/** Time that only the test moves; sleepers wake when their moment has come. */
export function heldClock(start = 1_800_000_000_000): HeldClock {
  let time = start;
  let set = 0;
  const sleepers = new Set<() => void>();
  return {
    now: () => time + set,
    monotonic: () => time,
    move(milliseconds) {
      time += milliseconds;
      for (const look of sleepers) look();
    },
    asleep: () => sleepers.size,
    setCalendar: (later) => void (set += later),
    sleep: (milliseconds, signal) =>
      new Promise((resolve, reject) => {
        const until = time + milliseconds;
        const look = () => {
          if (time < until && signal?.aborted !== true) return;
          sleepers.delete(look);
          if (signal?.aborted === true) reject(signal.reason as Error);
          else resolve();
        };
        sleepers.add(look);
        signal?.addEventListener('abort', look, { once: true });
        look();
      }),
  };
}

/** A queue of its own, or that of another server on the same database. */
export async function openQueue(database = ':memory:') {
  const store = await openStore(database, undefined, PATIENT);
  let isClosed = false;
  const follow = await followLog(store, (error) => {
    // A look may be under way when the test is over.
    if (!isClosed) throw error;
  });
  const clock = heldClock();
  const classes = openClassBook();
  const waiting = openWaiting({ store, follow, classes });
  const user = (name: string) =>
    store.write(async (db) => {
      const known = await findUser(db, name);
      if (known === undefined) await insertUser(db, { name, email: '', password: '', groups: [] }, clock.now());
      return (known ?? (await findUser(db, name)))?.id as number;
    });
  const client = await user('client');
  const holder = await user('foreman');
  const offer = (given: Partial<Offer> = {}): Offer => ({
    holder,
    foreman: ONE,
    most: 100,
    limits: {},
    defaults: {},
    tags: [],
    idle: true,
    images: new Set(),
    ...given,
  });

  return {
    store,
    close: () => {
      isClosed = true;
      return store.close();
    },
    follow,
    classes,
    seen: openSeen(),
    clock,
    waiting,
    holder,
    user,
    offer,
    /** Puts a task and answers its identifier. */
    put: (task: Record<string, unknown> = {}, owner = client): Promise<TaskId> =>
      store.write(async (db) => {
        const id = randomUUID().replaceAll('-', '') as TaskId;
        await insertTask(db, { id, owner, task: parseTask({ image: 'busybox', ...task }), now: clock.now() });
        return id;
      }),
    take: (given: Partial<Offer> = {}): Promise<Taken[]> =>
      store.write((db) => takeTasks(db, classes.open(), offer(given), clock.now())),
    row: async (id: TaskId): Promise<TaskRow> => (await store.read((db) => findTask(db, id))) as TaskRow,
    /** Names of the task's events, oldest first. */
    events: async (id: TaskId): Promise<string[]> => {
      const rows = await store.read((db) =>
        db.all<{ event: string }>(
          'select event from events join tasks on tasks.number = events.task where tasks.id = :id order by events.number',
          { id },
        ),
      );
      return rows.map(({ event }) => event);
    },
  };
}

export type OpenQueue = () => ReturnType<typeof openQueue>;

/** A test that is run once on each engine. What it opens is on one database, and is closed at its end. */
export function testOnBoth(
  title: string,
  run: (t: ExecutionContext, open: OpenQueue, engine: TestEngine['name']) => Promise<void>,
): void {
  for (const engine of ENGINES) {
    engine.test(`${title} (${engine.name})`, async (t) => {
      const database = await engine.newDatabase(t);
      const open = async () => {
        const queue = await openQueue(database);
        t.teardown(queue.close);
        return queue;
      };
      await run(t, open, engine.name);
    });
  }
}

/** Calls the pass every second, as the loop of a server that was never away does. */
export async function passFor(clock: HeldClock, milliseconds: number, pass: () => Promise<unknown>): Promise<void> {
  for (let over = 0; over < milliseconds; ) {
    const step = Math.min(1000, milliseconds - over);
    clock.move(step);
    over += step;
    await pass();
  }
}

/**
 * Lets time pass for a server whose own loops make the passes, second by second, until the condition holds. Each second
 * waits for the loops to sleep again. Where one was waited for too short, the server takes it that it was away itself,
 * and gives its foremen another lease: so it is the condition that ends this, and no number of seconds.
 */
export async function serveUntil(clock: HeldClock, what: string, holds: () => Promise<boolean>): Promise<void> {
  let loops = 0;
  for (let seconds = 0; seconds < MOST_SECONDS; seconds += 1) {
    if (await holds()) return;
    loops = Math.max(loops, clock.asleep());
    clock.move(1000);
    for (let tries = 0; clock.asleep() < loops; tries += 1) {
      // One that has ended for good sleeps no more.
      if (tries === 1000) loops = clock.asleep();
      await sleep(2);
    }
  }
  throw new Error(`${what} did not come within ${MOST_SECONDS} s of the held clock`);
}

const MOST_SECONDS = 600;

export const idsOf = (taken: readonly Taken[]) => taken.map(({ id }) => id);
