/** Blobs as the database knows them: which there are, how large, and which of them nobody needs any more. */
import type { Blob, BlobHash } from '@kolejka/protocol';
import { printTime } from './print-time.ts';
import type { Connection, Values } from './store.ts';

export interface BlobRow {
  hash: BlobHash;
  size: number;
  created_ms: number;
  accessed_ms: number;
  /** Since when it is to be removed; taking a reference takes that back. */
  condemned_ms: number | null;
}

/** Writes down that the store has the bytes; they must be on disk already. A condemned blob is revived. */
export async function recordBlob(db: Connection, blob: { hash: BlobHash; size: number }, now: number): Promise<void> {
  await db.run(
    `insert into blobs (hash, size, created_ms, accessed_ms) values (:hash, :size, :now, :now)
     on conflict (hash) do update set accessed_ms = excluded.accessed_ms, condemned_ms = null`,
    { hash: blob.hash, size: blob.size, now },
  );
}

/** Notes that the blob was of use, for its time of grace. A condemned blob is revived. */
export async function touchBlob(db: Connection, hash: BlobHash, now: number): Promise<void> {
  await db.run('update blobs set accessed_ms = :now, condemned_ms = null where hash = :hash', { hash, now });
}

/** As `touchBlob`, of many. */
export async function touchBlobs(db: Connection, hashes: readonly BlobHash[], now: number): Promise<void> {
  for (let from = 0; from < hashes.length; from += AT_ONCE) {
    await db.run(`update blobs set accessed_ms = :now, condemned_ms = null where hash in (${LIST})`, {
      ...listed(hashes.slice(from, from + AT_ONCE)),
      now,
    });
  }
}

export async function findBlob(db: Connection, hash: BlobHash): Promise<BlobRow | undefined> {
  return await db.get<BlobRow>(
    'select hash, size, created_ms, accessed_ms, condemned_ms from blobs where hash = :hash',
    { hash },
  );
}

/** How many references there are to the blob: looks at each, and there may be one for every task of a year. */
export async function countReferences(db: Connection, hash: BlobHash): Promise<number> {
  const row = await db.get<{ count: number }>(
    'select count(*) as count from blob_references where blob = :hash and deleted_ms is null',
    { hash },
  );
  return row?.count ?? 0;
}

/** Those of the hashes that there are. */
export async function knownBlobs(db: Connection, hashes: readonly BlobHash[]): Promise<Map<BlobHash, BlobRow>> {
  const found = new Map<BlobHash, BlobRow>();
  for (let from = 0; from < hashes.length; from += AT_ONCE) {
    const some = hashes.slice(from, from + AT_ONCE);
    const rows = await db.all<BlobRow>(
      `select hash, size, created_ms, accessed_ms, condemned_ms from blobs where hash in (${LIST})`,
      listed(some),
    );
    for (const row of rows) found.set(row.hash, row);
  }
  return found;
}

/** Hashes asked for in one statement: its text is always the same, and is prepared once. */
const AT_ONCE = 100;
const LIST = Array.from({ length: AT_ONCE }, (_, index) => `:h${index}`).join(', ');

/** Parameters of the list: what is left over of it holds the first hash again. */
function listed(hashes: readonly BlobHash[]): Values {
  return Object.fromEntries(
    Array.from({ length: AT_ONCE }, (_, index) => [`h${index}`, hashes[index] ?? (hashes[0] as BlobHash)]),
  );
}

/** Blobs in the order of their hashes, a page at a time, and whether anything refers to them. */
export async function pageOfBlobs(db: Connection, after: string, most: number): Promise<(BlobRow & { used: 0 | 1 })[]> {
  return await db.all(
    `select hash, size, created_ms, accessed_ms, condemned_ms,
       case when exists (select 1 from blob_references where blob = hash) then 1 else 0 end as used
     from blobs where hash > :after order by hash limit :most`,
    { after, most },
  );
}

/** Condemns the blob unless something refers to it or it was of use after `before`; answers whether it did. */
export async function condemnBlob(db: Connection, hash: BlobHash, before: number, now: number): Promise<boolean> {
  const changed = await db.run(
    `update blobs set condemned_ms = :now where hash = :hash and condemned_ms is null and accessed_ms <= :before
       and not exists (select 1 from blob_references where blob = :hash)`,
    { hash, before, now },
  );
  return changed > 0;
}

/** Blobs condemned at `before` or earlier, to which nothing refers. */
export async function condemnedBlobs(db: Connection, before: number, most: number): Promise<BlobRow[]> {
  return await db.all<BlobRow>(
    `select hash, size, created_ms, accessed_ms, condemned_ms from blobs where condemned_ms <= :before
       and not exists (select 1 from blob_references where blob = hash) order by condemned_ms limit :most`,
    { before, most },
  );
}

/** Forgets a blob to which nothing refers. */
export async function deleteBlobRow(db: Connection, hash: BlobHash): Promise<void> {
  await db.run('delete from blobs where hash = :hash', { hash });
}

/** As the original writes it. */
export function printBlob({ hash, size, created_ms, accessed_ms }: BlobRow, references: number): Blob {
  return { key: hash, size, time_create: printTime(created_ms), time_access: printTime(accessed_ms), references };
}
