/** Tasks, and the one statement by which all of them move. */
import {
  type ForemanName,
  move,
  type MoveName,
  printReferences,
  printTask,
  type State,
  type Task,
  type TaskId,
} from '@kolejka/protocol';
import { findOrMakeClass } from './classes.ts';
import { appendEvent } from './events.ts';
import type { Connection } from './store.ts';

export interface TaskRow {
  /** Grows with age: the lower, the older. */
  number: number;
  id: TaskId;
  owner: number;
  class: number;
  /** The task as it is answered, JSON. */
  body: string;
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
}

const COLUMNS = `number, id, owner, class, body, state, attempt, losses, not_before_ms, holder, foreman, expires_ms,
  running`;

/** Puts a new task in the queue. Its files are claimed by `claimFiles`. */
export async function insertTask(
  db: Connection,
  { id, owner, task, now }: { id: TaskId; owner: number; task: Task; now: number },
): Promise<TaskRow> {
  const body = JSON.stringify(printTask({ ...task, id, files: printReferences(task.files) }));
  const row = (await db.get<TaskRow>(
    `insert into tasks (id, owner, class, body, state, created_ms, changed_ms)
     values (:id, :owner, :class, :body, 'pending', :now, :now) returning ${COLUMNS}`,
    { id, owner, class: await findOrMakeClass(db, task), body, now },
  )) as TaskRow;
  await appendEvent(db, row, 'created', { now, foreman: null, message: null });
  return row;
}

export async function findTask(db: Connection, id: string): Promise<TaskRow | undefined> {
  return await db.get<TaskRow>(`select ${COLUMNS} from tasks where id = :id`, { id });
}

export async function findTaskByNumber(db: Connection, number: number): Promise<TaskRow | undefined> {
  return await db.get<TaskRow>(`select ${COLUMNS} from tasks where number = :number`, { number });
}

/** Number of the oldest pending task of a class whose time has come, younger than `after`. */
export async function oldestPending(
  db: Connection,
  taskClass: number,
  after: number,
  now: number,
): Promise<number | undefined> {
  const row = await db.get<{ number: number }>(
    `select number from tasks where class = :taskClass and state = 'pending' and number > :after
     and not_before_ms <= :now order by number limit 1`,
    { taskClass, after, now },
  );
  return row?.number;
}

/** Leases that have run out, longest ago first. */
export async function expiredLeases(db: Connection, now: number, most: number): Promise<TaskRow[]> {
  return await db.all<TaskRow>(
    `select ${COLUMNS} from tasks where state = 'assigned' and expires_ms <= :now order by expires_ms limit :most`,
    { now, most },
  );
}

/** What a move may change beside the state. */
export type Change = Partial<
  Pick<TaskRow, 'attempt' | 'losses' | 'not_before_ms' | 'holder' | 'foreman' | 'expires_ms' | 'running'>
>;

/**
 * Makes one move of the table of moves and writes its event. The statement is guarded by the state and the attempt
 * the row was read with; undefined when somebody else has moved the task since.
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
  const moved = { ...row, ...change, state: move(row.state, event) };
  const { attempt, losses, not_before_ms, holder, foreman, expires_ms, running } = moved;
  const changed = await db.run(
    `update tasks set state = :to, attempt = :attempt, losses = :losses, not_before_ms = :not_before_ms,
       holder = :holder, foreman = :foreman, expires_ms = :expires_ms, running = :running, changed_ms = :now
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
    },
  );
  if (changed === 0) return undefined;
  await appendEvent(db, moved, event, {
    now: said.now,
    foreman: said.foreman === undefined ? foreman : said.foreman,
    message: said.message ?? null,
  });
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

/** The task as its JSON. */
export function bodyOfTask(row: TaskRow): Record<string, unknown> {
  return JSON.parse(row.body) as Record<string, unknown>;
}
