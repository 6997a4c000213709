/**
 * References: the claims of users that keep blobs alive.
 *
 * One that was given up while a task or a result still names it gets `deleted_ms` and stays for that task; nobody else
 * sees it any more, and it goes when the last of them goes.
 */
import { type BlobHash, FINAL_STATES, type Reference, type ReferenceKey } from '@kolejka/protocol';
import { touchBlob, touchBlobs } from './blobs.ts';
import { printTime } from './print-time.ts';
import type { Connection } from './store.ts';

export interface ReferenceRow {
  key: ReferenceKey;
  blob: BlobHash;
  size: number;
  owner: number;
  created_ms: number;
  accessed_ms: number;
  deleted_ms: number | null;
}

/** Makes a new reference to a recorded blob, which lives from now on, also when it was condemned. */
export async function insertReference(
  db: Connection,
  reference: { key: ReferenceKey; blob: BlobHash; owner: number },
  now: number,
): Promise<ReferenceRow> {
  const { key, blob, owner } = reference;
  await touchBlob(db, blob, now);
  await db.run(INSERT, { key, blob, owner, now });
  return (await findReference(db, reference.key)) as ReferenceRow;
}

/** Makes many new references, all of one owner, to recorded blobs. */
export async function insertReferences(
  db: Connection,
  references: readonly Pick<ReferenceRow, 'key' | 'blob' | 'size'>[],
  owner: number,
  now: number,
): Promise<ReferenceRow[]> {
  const blobs = references.map(({ blob }) => blob);
  await touchBlobs(db, [...new Set(blobs)], now);
  for (const { key, blob } of references) await db.run(INSERT, { key, blob, owner, now });
  return references.map((one) => ({ ...one, owner, created_ms: now, accessed_ms: now, deleted_ms: null }));
}

const INSERT = `insert into blob_references (key, blob, owner, created_ms, accessed_ms)
  values (:key, :blob, :owner, :now, :now)`;

/** A reference, also one that was given up and is kept for a task; see `deleted_ms`. */
export async function findReference(db: Connection, key: string): Promise<ReferenceRow | undefined> {
  return await db.get<ReferenceRow>(
    `select key, blob, blobs.size, owner, blob_references.created_ms, blob_references.accessed_ms, deleted_ms
     from blob_references join blobs on blobs.hash = blob_references.blob where key = :key`,
    { key },
  );
}

/** True when a task the user holds, or a task or result of the user's own, has the reference among its files. */
export async function isFileFor(db: Connection, key: ReferenceKey, user: number): Promise<boolean> {
  const row = await db.get(
    `select 1 from task_files join tasks on tasks.number = task_files.task where task_files.reference = :key
       and (tasks.owner = :user or (tasks.holder = :user and tasks.state = 'assigned')) limit 1`,
    { key, user },
  );
  return row !== undefined;
}

/** The task or result claims the references of its files. */
export async function claimFiles(
  db: Connection,
  task: number,
  part: 'task' | 'result',
  files: Iterable<readonly [string, ReferenceKey]>,
): Promise<void> {
  for (const [name, reference] of files) {
    await db.run('insert into task_files (task, part, name, reference) values (:task, :part, :name, :reference)', {
      task,
      part,
      name,
      reference,
    });
  }
}

/** The task claims its files no more, or those of one part; with them goes what was given up and stayed for them. */
export async function dropFiles(
  db: Connection,
  task: number,
  part: 'task' | 'result' | 'both',
  now: number,
): Promise<void> {
  const where = `task = :task${part === 'both' ? '' : ' and part = :part'}`;
  const values = part === 'both' ? { task } : { task, part };
  const left = await db.all<Pick<ReferenceRow, 'key' | 'blob'>>(
    `select key, blob from blob_references
     where key in (select reference from task_files where ${where}) and deleted_ms is not null`,
    values,
  );
  await db.run(`delete from task_files where ${where}`, values);
  for (const reference of left) await giveUpReference(db, reference, now);
}

export async function changeOwner(db: Connection, key: ReferenceKey, owner: number): Promise<void> {
  await db.run('update blob_references set owner = :owner where key = :key', { key, owner });
}

/** Gives the reference up: it goes, or stays for the tasks that name it. */
export async function giveUpReference(
  db: Connection,
  row: Pick<ReferenceRow, 'key' | 'blob'>,
  now: number,
): Promise<void> {
  await touchBlob(db, row.blob, now);
  const removed = await db.run(
    'delete from blob_references where key = :key and not exists (select 1 from task_files where reference = :key)',
    { key: row.key },
  );
  if (removed > 0) return;
  await db.run('update blob_references set deleted_ms = :now where key = :key', { key: row.key, now });
}

/** References of the task's owner, made before a moment, that the task names and no other task does. */
export async function referencesOnlyOf(db: Connection, task: number, before: number): Promise<ReferenceRow[]> {
  return await db.all<ReferenceRow>(
    `select key, blob, blobs.size, owner, blob_references.created_ms, blob_references.accessed_ms, deleted_ms
     from blob_references join blobs on blobs.hash = blob_references.blob
     where key in (select reference from task_files where task = :task) and deleted_ms is null
       and owner = (select owner from tasks where number = :task) and blob_references.accessed_ms < :before
       and not exists (select 1 from task_files where reference = key and task <> :task)`,
    { task, before },
  );
}

/** References that were given up, in the order of their keys, a page at a time, and whether a task still names them. */
export async function pageOfGivenUp(
  db: Connection,
  after: string,
  most: number,
): Promise<{ key: ReferenceKey; named: 0 | 1 }[]> {
  return await db.all(
    `select key, case when exists (select 1 from task_files where reference = key) then 1 else 0 end as named
     from blob_references where deleted_ms is not null and key > :after order by key limit :most`,
    { after, most },
  );
}

/** Removes a reference that was given up, unless a task names it; answers whether it did. */
export async function removeGivenUp(db: Connection, key: ReferenceKey): Promise<boolean> {
  const removed = await db.run(
    `delete from blob_references where key = :key and deleted_ms is not null
       and not exists (select 1 from task_files where reference = :key)`,
    { key },
  );
  return removed > 0;
}

const FINAL = FINAL_STATES.map((state) => `'${state}'`).join(', ');

/** A task that has not ended and names a reference to the blob. */
export async function taskInNeedOf(db: Connection, blob: BlobHash): Promise<string | undefined> {
  const row = await db.get<{ id: string }>(
    `select tasks.id from blob_references join task_files on task_files.reference = blob_references.key
       join tasks on tasks.number = task_files.task
     where blob_references.blob = :blob and tasks.state not in (${FINAL}) limit 1`,
    { blob },
  );
  return row?.id;
}

/** Removes every reference to the blob; tasks that have ended lose the files that it was. */
export async function removeReferencesTo(db: Connection, blob: BlobHash): Promise<void> {
  await db.run('delete from task_files where reference in (select key from blob_references where blob = :blob)', {
    blob,
  });
  await db.run('delete from blob_references where blob = :blob', { blob });
}

/** As the original writes it. */
export function printReference(row: ReferenceRow): Reference {
  const { key, blob, size, created_ms, accessed_ms } = row;
  return { key, blob, size, time_create: printTime(created_ms), time_access: printTime(accessed_ms) };
}
