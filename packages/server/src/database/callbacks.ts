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

/** So many rows and so many hosts are looked at in one go: on SQLite everybody else waits for it. */
const MOST_LOOKED_AT = 500;

/**
 * Hosts that have something due, the longest due first, and the host from which to look on where there may be more.
 *
 * One host may have a hundred thousand calls due: they must not hide the others, so each host is looked at once, however
 * much is owed to it. And a user can name sixty thousand hosts, one for each port: they are looked at in pieces.
 */
export async function hostsDue(
  db: Connection,
  now: number,
  from = '',
): Promise<{ hosts: string[]; next: string | undefined }> {
  const most = MOST_LOOKED_AT;
  const oldest = await db.all<{ host: string }>(
    'select host from callbacks where due_ms <= :now order by due_ms limit :most',
    { now, most },
  );
  const hosts = new Set(oldest.map(({ host }) => host));
  if (oldest.length < most) return { hosts: [...hosts], next: undefined };
  const others = await db.all<{ host: string; due_ms: number }>(
    `with recursive hosts (host, nth) as (
       select min(host), 1 from callbacks where host >= :from and due_ms is not null
       union all
       select
         (select min(callbacks.host) from callbacks where callbacks.host > hosts.host and due_ms is not null),
         nth + 1
       from hosts where hosts.host is not null and nth < :most
     )
     select host,
       (select min(due_ms) from callbacks where callbacks.host = hosts.host and due_ms is not null) as due_ms
     from hosts where host is not null`,
    { from, most },
  );
  const due = others.filter(({ due_ms }) => due_ms <= now).toSorted((one, other) => one.due_ms - other.due_ms);
  for (const { host } of due) hosts.add(host);
  return { hosts: [...hosts], next: others.length < most ? undefined : others.at(-1)?.host };
}

/** What is due of a host, longest due first. */
export async function dueOfHost(db: Connection, host: string, now: number, most: number): Promise<OwedRow[]> {
  return await db.all<OwedRow>(
    `select task, host, tries, due_ms from callbacks where host = :host and due_ms <= :now
     order by due_ms limit :most`,
    { host, now, most },
  );
}

/** When the next one comes due that was not due at that moment. */
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
