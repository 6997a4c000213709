/** Is the database right in itself, and does it agree with what is on disk? Knows nothing of what was promised. */
import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Database } from 'better-sqlite3';
import { type EventName, move, type MoveName, MOVE_NAMES, type State } from '@kolejka/protocol';

/** Queries that answer what is wrong, one row each: counters that triggers keep, and what must hold between tables. */
const MUST_BE_EMPTY: Record<string, string> = {
  'task_counts is not the number of tasks in a state': `
    select state, count, (select count(*) from tasks where tasks.state = task_counts.state) as counted from task_counts
      where count <> counted
    union all select distinct state, null, null from tasks where state not in (select state from task_counts)`,
  'a queue miscounts its ready tasks, or has a wrong head': `
    select id, ready, head,
      (select count(*) from tasks where queue = queues.id and state = 'pending' and not_before_ms = 0) as counted,
      (select min(number) from tasks where queue = queues.id and state = 'pending' and not_before_ms = 0) as oldest
    from queues where ready <> counted or head is not oldest`,
  'a share is not what its owner has running': `
    select shares.owner, shares.cores, taken_s, running.cores as now_cores, running.taken as now_taken from shares
    left join (
      select tasks.owner, sum(classes.cores) as cores, sum(classes.cores * (assigned_ms / 1000)) as taken
      from tasks join classes on classes.id = tasks.class where state = 'assigned' group by tasks.owner
    ) as running on running.owner = shares.owner
    where shares.cores <> coalesce(running.cores, 0) or taken_s <> coalesce(running.taken, 0)`,
  'somebody has tasks that run, and no share': `
    select distinct owner from tasks where state = 'assigned' and owner not in (select owner from shares)`,
  'holdings are not the references': `
    select owner, blob, claims, (select count(*) from blob_references as one
      where one.owner = holdings.owner and one.blob = holdings.blob) as counted from holdings where claims <> counted
    union all select owner, blob, null, count(*) from blob_references
      where not exists (select 1 from holdings as one where one.owner = blob_references.owner and one.blob = blob_references.blob)
      group by owner, blob`,
  'used_bytes is not what a user keeps': `
    select id, used_bytes, (select coalesce(sum(size), 0) from holdings join blobs on blobs.hash = holdings.blob
      where holdings.owner = users.id) as counted from users where used_bytes <> counted`,
  'a blob is condemned and has references': `
    select hash from blobs where condemned_ms is not null and exists (select 1 from blob_references where blob = hash)`,
  'a task has no body': 'select id from tasks where number not in (select task from task_bodies)',
  'a result is of a task that is not resolved': `
    select id, state from results join tasks on tasks.number = results.task where state <> 'resolved'`,
  'a task has two results': `
    select task, count(*) as times from events where event = 'resolved' group by task having times > 1`,
  'two keys have made one task': 'select task from idempotency_keys group by task having count(*) > 1',
};

interface EventRow {
  task: number;
  event: EventName;
  attempt: number;
}

/** A sentence for each thing that is wrong. */
export function checkDatabase(database: Database): string[] {
  const wrong: string[] = [];
  const integrity = database.pragma('integrity_check', { simple: true });
  if (integrity !== 'ok') wrong.push(`integrity_check: ${String(integrity)}`);
  const keys = database.pragma('foreign_key_check') as unknown[];
  if (keys.length > 0) wrong.push(`foreign_key_check: ${JSON.stringify(keys.slice(0, 5))}`);
  for (const [what, sql] of Object.entries(MUST_BE_EMPTY)) {
    const rows = database.prepare(sql).all();
    if (rows.length > 0) wrong.push(`${what}: ${JSON.stringify(rows.slice(0, 3))}`);
  }
  return [...wrong, ...checkMoves(database)];
}

/** Each task's events follow the table of moves, its attempts grow by one, and it is where the last of them leads. */
function checkMoves(database: Database): string[] {
  const wrong: string[] = [];
  const tasks = new Map<number, { state: State; attempt: number }>();
  const rows = database
    .prepare<[], EventRow>('select task, event, attempt from events where task is not null order by number')
    .all();
  for (const { task, event, attempt } of rows) {
    if (!MOVE_NAMES.includes(event as MoveName)) continue;
    const before = tasks.get(task);
    try {
      if ((before === undefined) !== (event === 'created'))
        throw new Error(`${event} of a task that was ${before?.state}`);
      const state = before === undefined ? 'pending' : move(before.state, event as MoveName);
      const expected = (before?.attempt ?? 0) + (event === 'assigned' ? 1 : 0);
      if (attempt !== expected) throw new Error(`${event} has attempt ${attempt} after ${before?.attempt}`);
      tasks.set(task, { state, attempt });
    } catch (error) {
      wrong.push(`task number ${task}: ${(error as Error).message}`);
    }
  }
  const states = database.prepare<[], { number: number; state: State; attempt: number }>(
    'select number, state, attempt from tasks',
  );
  for (const { number, state, attempt } of states.iterate()) {
    const logged = tasks.get(number);
    if (logged?.state === state && logged.attempt === attempt) continue;
    wrong.push(`task number ${number} is ${state} ${attempt}, its events say ${logged?.state} ${logged?.attempt}`);
  }
  return wrong;
}

export interface OnDisk {
  wrong: string[];
  /** Files below their final names of which there is no row: of a server that died between the two. */
  orphans: number;
  /** Files that were not finished, and files on their way out. */
  leftOver: number;
}

/** Compares the rows of blobs with the files; nobody may be at work. @param reading hash every file, too */
export function checkDisk(database: Database, blobs: string, reading: boolean): OnDisk {
  const wrong: string[] = [];
  const rows = database.prepare<[], { hash: string; size: number }>('select hash, size from blobs').all();
  for (const { hash: name, size } of rows) {
    const file = path.join(blobs, name.slice(0, 2), name);
    if (!existsSync(file)) wrong.push(`blob ${name} has a row and no file`);
    else if (statSync(file).size !== size) wrong.push(`blob ${name} has not its ${size} bytes`);
    else if (reading && hash('sha256', readFileSync(file)) !== name) wrong.push(`blob ${name} has other bytes`);
  }
  const uploads = database.prepare<[], { id: string; safe: number }>(
    'select id, safe from uploads where reference is null',
  );
  for (const { id, safe } of uploads.all()) {
    const file = path.join(blobs, 'uploads', id, 'bytes');
    const { size } = statSync(file, { throwIfNoEntry: false }) ?? { size: -1 };
    if (size < safe) wrong.push(`the upload ${id} has ${size} bytes on disk, and ${safe} were acknowledged`);
  }
  const known = new Set(rows.map((row) => row.hash));
  const files = readdirSync(blobs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const isOn = (place: string) => (entry: { parentPath: string }) =>
    entry.parentPath.startsWith(path.join(blobs, place));
  const leftOver = files.filter(
    (entry) => entry.name !== 'lock' && (isOn('incoming')(entry) || isOn('outgoing')(entry)),
  );
  const shelved = files.filter((entry) => /^[0-9a-f]{2}$/.test(path.basename(entry.parentPath)));
  return { wrong, orphans: shelved.filter(({ name }) => !known.has(name)).length, leftOver: leftOver.length };
}
