/** Removes uploads whose time is over, and what is left of them on disk. */
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { deleteUpload, expiredUploads, findUpload } from '../../database/uploads.ts';
import { takeLock } from '../lock.ts';
import type { Keeping } from '../keep.ts';

const AT_ONCE = 50;
/** A directory without a row is of an upload that is being made, for as long. */
const NEW_MS = 60_000;

/** Answers how many were removed. One that a request is at work on stays until the next time. */
export async function expireUploads({ store, blobs, clock }: Keeping): Promise<number> {
  let removed = 0;
  const expired = await store.read((db) => expiredUploads(db, clock.now(), AT_ONCE));
  for (const { id } of expired) {
    if (!(await removeUnheld(path.join(blobs.uploads, id)))) continue;
    await store.write((db) => deleteUpload(db, id));
    removed += 1;
  }
  return removed;
}

/** Removes directories of which there is no row: of uploads that a server was making or removing when it died. */
export async function removeStrayUploads({ store, blobs }: Keeping): Promise<number> {
  let removed = 0;
  for (const id of await readdir(blobs.uploads)) {
    const directory = path.join(blobs.uploads, id);
    const found = await stat(directory).catch(() => undefined);
    if (found === undefined || Date.now() - found.mtimeMs < NEW_MS) continue;
    const row = await store.read((db) => findUpload(db, id));
    // Of one that has become a reference only the row is needed, for who asks again.
    if ((row === undefined || row.reference !== null) && (await removeUnheld(directory))) removed += 1;
  }
  return removed;
}

async function removeUnheld(directory: string): Promise<boolean> {
  const lock = takeLock(path.join(directory, 'lock'));
  if (lock === 'held') return false;
  await rm(directory, { recursive: true, force: true });
  lock?.close();
  return true;
}
