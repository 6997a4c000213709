/** Uploads that come in pieces. */
import type { BlobHash, ReferenceKey } from '@kolejka/protocol';
import type { Connection } from './store.ts';

export interface UploadRow {
  id: string;
  owner: number;
  size: number;
  /** So many bytes are safe on disk. */
  safe: number;
  /** What the bytes must be, where the client has said so. */
  hash: BlobHash | null;
  /** Upload-Metadata, as it was sent. */
  metadata: string;
  created_ms: number;
  expires_ms: number;
  /** The reference it has become. */
  reference: ReferenceKey | null;
}

const COLUMNS = 'id, owner, size, safe, hash, metadata, created_ms, expires_ms, reference';

export async function insertUpload(db: Connection, row: Omit<UploadRow, 'safe' | 'reference'>): Promise<void> {
  await db.run(
    `insert into uploads (id, owner, size, hash, metadata, created_ms, expires_ms)
     values (:id, :owner, :size, :hash, :metadata, :created_ms, :expires_ms)`,
    { ...row },
  );
}

export async function findUpload(db: Connection, id: string): Promise<UploadRow | undefined> {
  return await db.get<UploadRow>(`select ${COLUMNS} from uploads where id = :id`, { id });
}

/** Writes down how many bytes are safe on disk; they must be. */
export async function advanceUpload(db: Connection, id: string, safe: number): Promise<void> {
  await db.run('update uploads set safe = :safe where id = :id', { id, safe });
}

/** The upload is whole and has become a reference. */
export async function finishUpload(db: Connection, id: string, reference: ReferenceKey): Promise<void> {
  await db.run('update uploads set reference = :reference where id = :id', { id, reference });
}

export async function deleteUpload(db: Connection, id: string): Promise<void> {
  await db.run('delete from uploads where id = :id', { id });
}

/** Uploads whose time is over, longest ago first. */
export async function expiredUploads(db: Connection, now: number, most: number): Promise<UploadRow[]> {
  return await db.all<UploadRow>(
    `select ${COLUMNS} from uploads where expires_ms <= :now order by expires_ms limit :most`,
    { now, most },
  );
}

/** What uploads of the user that are under way will bring. */
export async function bytesUnderWay(db: Connection, owner: number): Promise<number> {
  // A sum is a numeric to PostgreSQL, which comes as a text.
  const row = await db.get<{ bytes: number | string | null }>(
    'select sum(size) as bytes from uploads where owner = :owner and reference is null',
    { owner },
  );
  return Number(row?.bytes ?? 0);
}
