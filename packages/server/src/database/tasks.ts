/** Tasks, and the one statement by which all of them move. */
import {
  FINAL_STATES,
  type ForemanName,
  move,
  type MoveName,
  printReferences,
  printTask,
  type State,
  type Task,
  type TaskId,
} from '@kolejka/protocol';
import { oweCallback, rememberCallback } from './callbacks.ts';
import { findOrMakeClass } from './classes.ts';
import { appendEvent } from './events.ts';
import { findOrMakeQueue } from './queues.ts';
import { dropOutput } from './output.ts';
import { beginUse, endUse } from './shares.ts';
import type { Connection } from './store.ts';

export interface TaskRow {
  /** Grows with age: the lower, the older. */
  number: number;
  id: TaskId;
  owner: number;
  class: number;
  queue: number;
  /** How many fair share counts it for. */
  cores: number;
  state: State;
  attempt: number;
  losses: number;
  not_before_ms: number;
  /** The user who has the lease, or had it last. */
  holder: number | null;
  /** The foreman's name; null for a foreman of the original, which has none. */
  foreman: ForemanName | null;
  expires_ms: number | null;
  running: 0 | 1;
  /** When the newest lease was granted. */
  assigned_ms: number | null;
}

const COLUMNS = `number, id, owner, class, queue, (select cores from classes where classes.id = tasks.class) as cores,
  state, attempt, losses, not_before_ms, holder, foreman, expires_ms, running, assigned_ms`;

/** Puts a new task in the queue. Its files are claimed by `claimFiles`. */
export async function insertTask(
  db: Connection,
  { id, owner, task, now }: { id: TaskId; owner: number; task: Task; now: number },
): Promise<TaskRow> {
  const body = JSON.stringify(printTask({ ...task, id, files: printReferences(task.files) }));
  const taskClass = await findOrMakeClass(db, task);
  const queue = await findOrMakeQueue(db, { class: taskClass, owner, priority: task.priority });
  const row = (await db.get<TaskRow>(
    `insert into tasks (id, owner, class, queue, state, created_ms, changed_ms)
     values (:id, :owner, :taskClass, :queue, 'pending', :now, :now) returning ${COLUMNS}`,
    { id, owner, taskClass, queue, now },
  )) as TaskRow;
  await db.run('insert into task_bodies (task, body) values (:number, :body)', { number: row.number, body });
  await rememberCallback(db, row.number, task.callback_url);
  await appendEvent(db, row, 'created', { now, foreman: null, message: null });
  return row;
}

export async function findTask(db: Connection, id: string): Promise<TaskRow | undefined> {
  return await db.get<TaskRow>(`select ${COLUMNS} from tasks where id = :id`, { id });
}

export async function findTaskByNumber(db: Connection, number: number): Promise<TaskRow | undefined> {
  return await db.get<TaskRow>(`select ${COLUMNS} from tasks where number = :number`, { number });
}

/** Leases that have run out, longest ago first. */
export async function expiredLeases(db: Connection, now: number, most: number): Promise<TaskRow[]> {
  return await db.all<TaskRow>(
    `select ${COLUMNS} from tasks where state = 'assigned' and expires_ms <= :now order by expires_ms limit :most`,
    { now, most },
  );
}

/** Tasks that were given to a foreman before a moment, and that it still has. */
export async function assignedBefore(db: Connection, moment: number, most: number): Promise<TaskRow[]> {
  return await db.all<TaskRow>(
    `select ${COLUMNS} from tasks where state = 'assigned' and assigned_ms < :moment
     order by expires_ms limit :most`,
    { moment, most },
  );
}

/** Tasks that ended before a moment and owe no callback any more, those longest ago first. */
export async function endedBefore(db: Connection, moment: number, most: number): Promise<TaskRow[]> {
  return await db.all<TaskRow>(
    `select ${COLUMNS} from tasks where state in ('resolved', 'cancelled', 'failed') and changed_ms < :moment
       and not exists (select 1 from callbacks where callbacks.task = tasks.number)
     order by changed_ms limit :most`,
    { moment, most },
  );
}

/** What a move may change beside the state. */
export type Change = Partial<
  Pick<TaskRow, 'attempt' | 'losses' | 'not_before_ms' | 'holder' | 'foreman' | 'expires_ms' | 'running'>
>;

/**
 * Makes one move of the table of moves and writes its event. The statement is guarded by the state and the attempt
 * the row was read with; undefined when somebody else has moved the task since. A move that ends the task makes its
 * callback due.
 * @param said.foreman who the event is about, where the move itself clears the foreman
 * @throws GridError `internal` when there is no such move
 */
export async function moveTask(
  db: Connection,
  row: TaskRow,
  event: MoveName,
  change: Change,
  said: { now: number; foreman?: ForemanName | null; message?: string },
): Promise<TaskRow | undefined> {
  const state = move(row.state, event);
  const isTaken = state === 'assigned' && row.state !== 'assigned';
  const isLeft = state !== 'assigned' && row.state === 'assigned';
  const moved = { ...row, ...change, state, assigned_ms: isTaken ? said.now : row.assigned_ms };
  const { attempt, losses, not_before_ms, holder, foreman, expires_ms, running, assigned_ms } = moved;
  const changed = await db.run(
    `update tasks set state = :to, attempt = :attempt, losses = :losses, not_before_ms = :not_before_ms,
       holder = :holder, foreman = :foreman, expires_ms = :expires_ms, running = :running,
       assigned_ms = :assigned_ms, changed_ms = :now
     where number = :number and state = :from and attempt = :seen`,
    {
      to: moved.state,
      from: row.state,
      seen: row.attempt,
      number: row.number,
      now: said.now,
      attempt,
      losses,
      not_before_ms,
      holder,
      foreman,
      expires_ms,
      running,
      assigned_ms,
    },
  );
  if (changed === 0) return undefined;
  if (isTaken) await beginUse(db, row.owner, row.cores, said.now);
  if (isLeft) {
    await endUse(db, { ...row, takenMs: row.assigned_ms ?? said.now }, said.now);
    await dropOutput(db, row.number);
  }
  await appendEvent(db, moved, event, {
    now: said.now,
    foreman: said.foreman === undefined ? foreman : said.foreman,
    message: said.message ?? null,
  });
  if (FINAL_STATES.includes(moved.state)) await oweCallback(db, moved.number, said.now);
  return moved;
}

/** Renews a lease; the guard makes a late renewal have no effect. */
export async function renewLease(db: Connection, row: TaskRow, expiresMs: number): Promise<void> {
  await db.run(
    `update tasks set expires_ms = :expiresMs where number = :number and state = 'assigned' and attempt = :attempt`,
    {
      expiresMs,
      number: row.number,
      attempt: row.attempt,
    },
  );
}

/** The task as it is answered, as a text of JSON. */
export async function readBody(db: Connection, { number }: Pick<TaskRow, 'number'>): Promise<string> {
  const row = await db.get<{ body: string }>('select body from task_bodies where task = :number', { number });
  return (row as { body: string }).body;
}

/** The task as its JSON. */
export async function bodyOfTask(db: Connection, task: Pick<TaskRow, 'number'>): Promise<Record<string, unknown>> {
  return JSON.parse(await readBody(db, task)) as Record<string, unknown>;
}
