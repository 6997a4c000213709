/**
 * Leases after they were granted: renewed by heartbeat, given back, run out.
 *
 * A lease that has run out is taken away by `expireLeases`, once a second. Until then its task is still the holder's,
 * but it cannot be renewed any more: a late heartbeat hears `kill`. A result that comes late is another matter, see
 * `results.ts`: it is accepted as long as nobody else has taken the task.
 */
import { type ForemanName, type Held, LEASES, type State, type TaskId, type Verdict } from '@kolejka/protocol';
import { storyOf } from '../database/events.ts';
import type { Connection } from '../database/store.ts';
import { expiredLeases, findTask, moveTask, renewLease, type TaskRow } from '../database/tasks.ts';

/** A foreman, as it is known from its login and the name it gives. */
export interface Foreman {
  holder: number;
  foreman: ForemanName | null;
  /** Length of its leases, where it is not the usual one. */
  leaseMs?: number;
}

/** What a foreman says of one task. */
export interface Reported {
  task: TaskId;
  attempt: number;
  phase?: Held['phase'];
}

/** Most leases that one pass takes away; the next pass takes the rest. */
const MOST = 500;

const lengthMs = ({ leaseMs }: Foreman) => leaseMs ?? LEASES.renewedMs;

/** With more than this left, a lease need not be renewed yet. */
const enoughMs = (from: Foreman) => lengthMs(from) * (1 - LEASES.renewAt);

/** The answer to a heartbeat that changes nothing, or undefined where `renew` has something to write down. */
export async function judge(
  db: Connection,
  from: Foreman,
  { task, attempt, phase }: Reported,
  now: number,
): Promise<Verdict | undefined> {
  const row = await findTask(db, task);
  const left = (row?.expires_ms ?? 0) - now;
  if (row === undefined || !holds(row, from, attempt) || left <= 0) return { task, attempt, verdict: 'kill' };
  const isNews = phase === 'returned' || phase === 'lost' || (phase === 'running' && row.running === 0);
  return isNews || left <= enoughMs(from) ? undefined : { task, attempt, verdict: 'keep' };
}

/** Renews the lease, notes that the program runs, or takes the task back; answers whether the foreman may keep it. */
export async function renew(db: Connection, from: Foreman, held: Reported, now: number): Promise<Verdict> {
  const row = await findTask(db, held.task);
  const { task, attempt } = held;
  if (row === undefined || !holds(row, from, attempt) || (row.expires_ms ?? 0) <= now) {
    return { task, attempt, verdict: 'kill' };
  }
  if (held.phase === 'returned') {
    await giveBack(db, row, now, { pauseMs: LEASES.returnedMs });
    return { task, attempt, verdict: 'kill' };
  }
  if (held.phase === 'lost') {
    // It is not handed back unrun: it may be what its foreman died of.
    await lose(db, row, 'died over it', now);
    return { task, attempt, verdict: 'kill' };
  }
  const expires = Math.ceil(now + lengthMs(from));
  if (held.phase === 'running' && row.running === 0) {
    await moveTask(db, row, 'running', { running: 1, expires_ms: expires }, { now });
  } else {
    await renewLease(db, row, expires);
  }
  return { task, attempt, verdict: 'keep' };
}

/** True when the task is assigned to this foreman under this attempt. */
export function holds(row: TaskRow, { holder, foreman }: Foreman, attempt: number): boolean {
  return row.state === 'assigned' && row.holder === holder && row.foreman === foreman && row.attempt === attempt;
}

/** Puts an assigned task back in the queue unrun, after a pause; that is no loss. */
export async function giveBack(
  db: Connection,
  row: TaskRow,
  now: number,
  { pauseMs = 0, message }: { pauseMs?: number; message?: string } = {},
): Promise<void> {
  const notBefore = pauseMs === 0 ? 0 : now + pauseMs;
  const free = { holder: null, foreman: null, expires_ms: null, running: 0, not_before_ms: notBefore } as const;
  await moveTask(db, row, 'returned', free, { now, foreman: row.foreman, ...(message !== undefined && { message }) });
}

/** What became of a task whose lease ran out. */
export interface Loss {
  task: TaskId;
  foreman: string | null;
  losses: number;
  state: State;
}

/** Takes away leases that have run out: the tasks wait again after a pause, or are given up. */
export async function expireLeases(db: Connection, now: number): Promise<Loss[]> {
  const lost: Loss[] = [];
  for (const row of await expiredLeases(db, now, MOST)) lost.push(await expireLease(db, row, now));
  return lost;
}

async function expireLease(db: Connection, row: TaskRow, now: number): Promise<Loss> {
  return await lose(db, row, row.foreman === null ? 'handed in no result in time' : 'was not heard of any more', now);
}

/** The task waits again after a pause, or is given up. */
async function lose(db: Connection, row: TaskRow, what: string, now: number): Promise<Loss> {
  const losses = row.losses + 1;
  const who = row.foreman === null ? 'a foreman without a name' : `foreman ${row.foreman}`;
  const loss = `attempt ${row.attempt}: ${who} ${what} (${new Date(now).toISOString()})`;
  const said = { now, foreman: row.foreman };
  if (losses >= LEASES.losses) {
    const message = `Given up after ${losses} losses: ${[...(await storyOf(db, row.number)), loss].join('; ')}.`;
    await moveTask(db, row, 'failed', { losses, expires_ms: null, running: 0 }, { ...said, message });
    return { task: row.id, foreman: row.foreman, losses, state: 'failed' };
  }
  // The holder stays written down: its result is still welcome until somebody else takes the task.
  const change = { losses, expires_ms: null, running: 0, not_before_ms: now + LEASES.backOffMs(losses) } as const;
  await moveTask(db, row, 'lost', change, { ...said, message: loss });
  return { task: row.id, foreman: row.foreman, losses, state: 'pending' };
}

/** No task is held back for longer than after its last loss but one. */
const LONGEST_PAUSE_MS = LEASES.backOffMs(LEASES.losses - 1);

/**
 * Gives every foreman that sends heartbeats the time of one lease to be heard of, no more and no less. Called at start
 * and by `absence.ts`: a server that was away has heard nobody, which says nothing about them. And where the calendar
 * was set back, tasks are held back until a moment that is far away by now: they wait no longer than any.
 */
export async function forgiveAbsence(db: Connection, now: number, leaseMs: number = LEASES.renewedMs): Promise<number> {
  await db.run(`update tasks set not_before_ms = :latest where state = 'pending' and not_before_ms > :latest`, {
    latest: now + LONGEST_PAUSE_MS,
  });
  return await db.run(
    `update tasks set expires_ms = :until where state = 'assigned' and foreman is not null and expires_ms <> :until`,
    { until: Math.ceil(now + leaseMs) },
  );
}
