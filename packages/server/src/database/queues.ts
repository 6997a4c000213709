/**
 * Queues: the tasks of one user, one request class and one priority that are ready to run, oldest first.
 *
 * Choosing looks at one row for each queue, however many tasks wait in it. Triggers keep each row's number of ready
 * tasks and its head (migration 2).
 */
import type { Connection } from './store.ts';

export interface Queue {
  id: number;
  class: number;
  owner: number;
  priority: number;
  /** How many tasks are ready in it. */
  ready: number;
  /** Number of the oldest ready task. */
  head: number;
}

/** The number of the queue, which is made when there is none. */
export async function findOrMakeQueue(
  db: Connection,
  queue: Pick<Queue, 'class' | 'owner' | 'priority'>,
): Promise<number> {
  const { class: taskClass, owner, priority } = queue;
  const values = { taskClass, owner, priority };
  const known = await db.get<{ id: number }>(
    'select id from queues where class = :taskClass and owner = :owner and priority = :priority',
    values,
  );
  if (known !== undefined) return known.id;
  const made = await db.get<{ id: number }>(
    'insert into queues (class, owner, priority) values (:taskClass, :owner, :priority) returning id',
    values,
  );
  return (made as { id: number }).id;
}

/** Every queue in which a task is ready. */
export function queuesWithReady(db: Connection): Promise<Omit<Queue, 'ready'>[]> {
  return db.all<Omit<Queue, 'ready'>>('select id, class, owner, priority, head from queues where head is not null');
}

/** The oldest task of every queue in which one is ready, and how many are. */
export function readyHeads(db: Connection): Promise<(Pick<Queue, 'class' | 'head' | 'ready'> & { attempt: number })[]> {
  return db.all(
    `select queues.class, queues.head, queues.ready, tasks.attempt from queues join tasks on tasks.number = queues.head
     where queues.head is not null`,
  );
}

/** Is a task of this class ready? */
export async function hasReady(db: Connection, taskClass: number): Promise<boolean> {
  const row = await db.get('select 1 as ready from queues where class = :taskClass and head is not null limit 1', {
    taskClass,
  });
  return row !== undefined;
}

/** The oldest ready task of a queue that is younger than `after`. */
export async function nextReady(db: Connection, queue: number, after: number): Promise<number | undefined> {
  const row = await db.get<{ number: number }>(
    `select number from tasks where queue = :queue and state = 'pending' and not_before_ms = 0 and number > :after
     order by number limit 1`,
    { queue, after },
  );
  return row?.number;
}

/** Most tasks whose pause ends in one pass; the next takes the rest. */
const MOST = 1000;

/** Puts tasks whose pause is over into their queues; answers their classes. */
export async function endPauses(db: Connection, now: number): Promise<number[]> {
  const due = await db.all<{ number: number; class: number }>(
    `select number, class from tasks where state = 'pending' and not_before_ms > 0 and not_before_ms <= :now
     order by not_before_ms limit ${MOST}`,
    { now },
  );
  for (const { number } of due) {
    await db.run(`update tasks set not_before_ms = 0 where number = :number and state = 'pending'`, { number });
  }
  return [...new Set(due.map((task) => task.class))];
}

/** Is a pause over that `endPauses` has not ended yet? */
export async function isPauseOver(db: Connection, now: number): Promise<boolean> {
  const row = await db.get(
    `select 1 as due from tasks where state = 'pending' and not_before_ms > 0 and not_before_ms <= :now limit 1`,
    { now },
  );
  return row !== undefined;
}

/** Most older tasks of a queue that are counted one by one. */
const MOST_COUNTED = 10_000;

/** The queues with ready tasks, with how many each has, but the given one with only those older than the task. */
export async function readyBefore(db: Connection, task: { number: number; queue: number }): Promise<Queue[]> {
  const queues = await db.all<Queue>(
    'select id, class, owner, priority, ready, head from queues where head is not null',
  );
  const older = await db.get<{ count: number }>(
    `select count(*) as count from (select number from tasks where queue = :queue and state = 'pending'
     and not_before_ms = 0 and number < :number limit ${MOST_COUNTED}) as older`,
    { queue: task.queue, number: task.number },
  );
  return queues.map((queue) => (queue.id === task.queue ? { ...queue, ready: older?.count ?? 0 } : queue));
}

/** Which priority a queue has. */
export async function priorityOf(db: Connection, queue: number): Promise<number> {
  const row = await db.get<{ priority: number }>('select priority from queues where id = :queue', { queue });
  return row?.priority ?? 0;
}
