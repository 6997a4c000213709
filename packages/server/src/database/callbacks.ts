/** Callbacks that are owed: one row for each task that names a receiver which was not told of its end yet. */
import type { Connection } from './store.ts';

/** One whose task has ended. */
export interface OwedRow {
  task: number;
  /** Host and port of the receiver. */
  host: string;
  /** How often it was taken. */
  tries: number;
  /** When it may be taken; of one that was taken, when its taker is given up. */
  due_ms: number;
}

/** Notes that a task which has just been put wants to be called back. */
export async function rememberCallback(db: Connection, task: number, url: string | null | undefined): Promise<void> {
  // The original takes an empty address for none.
  if (url === null || url === undefined || url === '') return;
  const host = URL.canParse(url) ? new URL(url).host : '';
  await db.run('insert into callbacks (task, host) values (:task, :host)', { task, host });
}

/** The task has ended: its callback, if it wants one, is due. */
export async function oweCallback(db: Connection, task: number, now: number): Promise<void> {
  await db.run('update callbacks set due_ms = :now where task = :task and due_ms is null', { task, now });
}

/** Hosts that have something due, the longest due first. Looks at each host once, however much is owed to it. */
export async function hostsDue(db: Connection, now: number): Promise<string[]> {
  const rows = await db.all<{ host: string }>(
    `with recursive hosts (host) as (
       select min(host) from callbacks where due_ms is not null
       union all
       select (select min(callbacks.host) from callbacks where callbacks.host > hosts.host and due_ms is not null)
       from hosts where hosts.host is not null
     ), owed (host, due_ms) as (
       select host,
         (select min(due_ms) from callbacks where callbacks.host = hosts.host and due_ms is not null)
       from hosts where host is not null
     )
     select host from owed where due_ms <= :now order by due_ms`,
    { now },
  );
  return rows.map(({ host }) => host);
}

/** What is due of a host, longest due first. */
export async function dueOfHost(db: Connection, host: string, now: number, most: number): Promise<OwedRow[]> {
  return await db.all<OwedRow>(
    `select task, host, tries, due_ms from callbacks where host = :host and due_ms <= :now
     order by due_ms limit :most`,
    { host, now, most },
  );
}

/** When the next one comes due that is not due yet. */
export async function nextDue(db: Connection, now: number): Promise<number | undefined> {
  const row = await db.get<{ due_ms: number | null }>(
    'select min(due_ms) as due_ms from callbacks where due_ms > :now',
    { now },
  );
  return row?.due_ms ?? undefined;
}

/** Takes one until a given moment; undefined when somebody else was quicker. */
export async function takeCallback(db: Connection, row: OwedRow, untilMs: number): Promise<OwedRow | undefined> {
  const taken = { ...row, tries: row.tries + 1, due_ms: untilMs };
  return (await putOff(db, row, taken)) ? taken : undefined;
}

/**
 * Puts off one that was taken, or hands it back.
 * @returns false when somebody else has it by now
 */
export async function putOff(db: Connection, seen: OwedRow, to: { due_ms: number; tries: number }): Promise<boolean> {
  const changed = await db.run(
    `update callbacks set tries = :tries, due_ms = :due
     where task = :task and due_ms = :seenDue and tries = :seenTries`,
    { task: seen.task, seenDue: seen.due_ms, seenTries: seen.tries, tries: to.tries, due: to.due_ms },
  );
  return changed > 0;
}

/**
 * Nothing is owed any more.
 * @returns false when somebody else has it by now
 */
export async function settleCallback(db: Connection, { task, due_ms, tries }: OwedRow): Promise<boolean> {
  const changed = await db.run('delete from callbacks where task = :task and due_ms = :due_ms and tries = :tries', {
    task,
    due_ms,
    tries,
  });
  return changed > 0;
}
