/** Blobs and the references that keep them alive. The bytes themselves are in the blob store. */
import type { Blob, BlobHash, Reference, ReferenceKey } from '@kolejka/protocol';
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

interface BlobRow {
  hash: BlobHash;
  size: number;
  created_ms: number;
  accessed_ms: number;
}

/** Writes down that the store has the bytes; they must be on disk already. */
export async function recordBlob(db: Connection, blob: { hash: BlobHash; size: number }, now: number): Promise<void> {
  await db.run(
    `insert into blobs (hash, size, created_ms, accessed_ms) values (:hash, :size, :now, :now)
     on conflict (hash) do update set accessed_ms = excluded.accessed_ms`,
    { ...blob, now },
  );
}

/** Makes a new reference to a recorded blob. */
export async function insertReference(
  db: Connection,
  reference: { key: ReferenceKey; blob: BlobHash; owner: number },
  now: number,
): Promise<ReferenceRow> {
  await db.run('update blobs set accessed_ms = :now where hash = :blob', { blob: reference.blob, now });
  await db.run(
    `insert into blob_references (key, blob, owner, created_ms, accessed_ms)
     values (:key, :blob, :owner, :now, :now)`,
    { ...reference, now },
  );
  return (await findReference(db, reference.key)) as ReferenceRow;
}

/** A reference, also one that was given up and is kept for a task; see `deleted_ms`. */
export async function findReference(db: Connection, key: string): Promise<ReferenceRow | undefined> {
  return await db.get<ReferenceRow>(
    `select key, blob, blobs.size, owner, blob_references.created_ms, blob_references.accessed_ms, deleted_ms
     from blob_references join blobs on blobs.hash = blob_references.blob where key = :key`,
    { key },
  );
}

export async function findBlob(
  db: Connection,
  hash: BlobHash,
): Promise<(BlobRow & { references: number }) | undefined> {
  return await db.get(
    `select hash, size, created_ms, accessed_ms,
       (select count(*) from blob_references where blob = hash and deleted_ms is null) as "references"
     from blobs where hash = :hash`,
    { hash },
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

export async function changeOwner(db: Connection, key: ReferenceKey, owner: number): Promise<void> {
  await db.run('update blob_references set owner = :owner where key = :key', { key, owner });
}

/** As the original writes it. */
export function printReference(row: ReferenceRow): Reference {
  const { key, blob, size, created_ms, accessed_ms } = row;
  return { key, blob, size, time_create: printTime(created_ms), time_access: printTime(accessed_ms) };
}

/** As the original writes it. */
export function printBlob(row: BlobRow & { references: number }): Blob {
  const { hash, size, created_ms, accessed_ms, references } = row;
  return { key: hash, size, time_create: printTime(created_ms), time_access: printTime(accessed_ms), references };
}

function printTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
