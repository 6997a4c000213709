/**
 * A copy of a data directory, made while a server is at work on it.
 *
 * First the database, as it is at one moment; then the blobs it names, which never change and which a collector leaves
 * alone for longer than this takes. So the copy has everything that it speaks of. It is made beside its place and gets
 * its name when it is whole and on disk.
 */
import { randomUUID } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type BlobHash, GridError } from '@kolejka/protocol';
import Database from 'better-sqlite3';
import type { Place } from './accounts.ts';
import { hashOfFile } from './blobs/hash-of-file.ts';
import { prepareDisk } from './blobs/disk.ts';
import { syncDirectory } from './blobs/files.ts';
import { type DataDirectory, directoryAt, hasDatabase } from './data-directory.ts';

export interface BackedUp {
  tasks: number;
  results: number;
  blobs: number;
  /** Of the blobs. */
  bytes: number;
}

interface BlobOfCopy {
  hash: BlobHash;
  size: number;
  /** How many references there are to it. */
  claims: number;
}

/**
 * Copies the data directory to a place where nothing is.
 * @param options.verify also compare every blob of the copy with its hash
 * @throws GridError `bad-config`: nothing to copy, or something is at the place; `internal` when the copy is not good
 */
export async function backUp(place: Place, to: string, { verify }: { verify: boolean }): Promise<BackedUp> {
  if (place.database !== undefined) {
    throw new GridError('bad-config', 'The database is PostgreSQL: copy it with pg_dump, then the directory of blobs.');
  }
  if (!hasDatabase(place.data)) throw new GridError('bad-config', `There is no database in ${place.data}.`);
  const target = path.resolve(to);
  await refuseTaken(target);
  const aside = `${target}.unfinished-${randomUUID().slice(0, 8)}`;
  const [source, copy] = [directoryAt(place.data), directoryAt(aside)];
  try {
    await mkdir(aside, { recursive: true, mode: 0o700 });
    await copyDatabase(source.database, copy.database);
    const done = await copyBlobs(source, copy, verify);
    await syncDirectory(aside);
    await rm(target, { recursive: true, force: true });
    await rename(aside, target);
    await syncDirectory(path.dirname(target));
    return done;
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
}

async function refuseTaken(target: string): Promise<void> {
  if (!existsSync(target)) return;
  const isEmpty = (await stat(target)).isDirectory() && (await readdir(target)).length === 0;
  if (!isEmpty)
    throw new GridError('bad-config', `There is something at ${target}: name a directory that is not there.`);
}

/** As it is at one moment: in pieces, it would be begun again with every write of the server in between. */
async function copyDatabase(from: string, to: string): Promise<void> {
  const database = new Database(from, { readonly: true, timeout: 5000 });
  try {
    await database.backup(to, { progress: () => 2 ** 31 - 1 });
  } finally {
    database.close();
  }
  const file = await open(to, 'r+');
  await file.sync();
  await file.close();
}

async function copyBlobs(source: DataDirectory, copy: DataDirectory, verify: boolean): Promise<BackedUp> {
  await prepareDisk(copy.blobs);
  const database = new Database(copy.database);
  try {
    requireWhole(database);
    const count = (table: string) => database.prepare<[], number>(`select count(*) from ${table}`).pluck().get() ?? 0;
    const done = { tasks: count('tasks'), results: count('results'), blobs: 0, bytes: 0 };
    const rows = database.prepare<[], BlobOfCopy>(
      'select hash, size, (select count(*) from blob_references where blob = hash) as claims from blobs order by hash',
    );
    const missing: BlobHash[] = [];
    for (const blob of rows.all()) {
      if (await copyBlob(source.blobs, copy.blobs, blob)) {
        if (verify) await requireHash(copy.blobs, blob);
        done.blobs += 1;
        done.bytes += blob.size;
      } else missing.push(...(await withoutBlob(database, blob)));
    }
    if (missing.length > 0) {
      throw new GridError('internal', `the store lacks ${missing.length} blobs that are named, such as ${missing[0]}`);
    }
    for (const shelf of await readdir(copy.blobs)) await syncDirectory(path.join(copy.blobs, shelf));
    return done;
  } finally {
    database.close();
  }
}

/** @throws GridError `internal` naming what SQLite finds */
function requireWhole(database: Database.Database): void {
  const found = database.pragma('integrity_check(1)', { simple: true });
  if (found !== 'ok') throw new GridError('internal', `the copied database is damaged: ${String(found)}`);
  const [orphan] = database.pragma('foreign_key_check') as { table: string }[];
  if (orphan !== undefined) throw new GridError('internal', `rows of ${orphan.table} name what is not there`);
}

/** @returns false when the source has no such blob */
async function copyBlob(from: string, to: string, { hash, size }: BlobOfCopy): Promise<boolean> {
  const name = path.join(hash.slice(0, 2), hash);
  const [source, copy] = [path.join(from, name), path.join(to, name)];
  try {
    await link(source, copy).catch(async (thrown: NodeJS.ErrnoException) => {
      // EXDEV: another disk. EPERM, EMLINK: no links there, or no more.
      if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(thrown.code ?? '')) throw thrown;
      await copyFile(source, copy, constants.COPYFILE_FICLONE);
      const file = await open(copy, 'r+');
      await file.sync();
      await file.close();
    });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw thrown;
  }
  const got = (await stat(copy)).size;
  if (got === size) return true;
  throw new GridError('internal', `the blob ${hash} has ${got} bytes, not ${size}: see kolejka-server check`);
}

async function requireHash(root: string, { hash }: BlobOfCopy): Promise<void> {
  if ((await hashOfFile(path.join(root, hash.slice(0, 2), hash))) === hash) return;
  throw new GridError('internal', `the blob ${hash} is damaged on disk: see kolejka-server check`);
}

/** A blob that was collected meanwhile is of no use to anybody, and the copy forgets it. Answers what is missed. */
async function withoutBlob(database: Database.Database, { hash, claims }: BlobOfCopy): Promise<BlobHash[]> {
  if (claims > 0) return [hash];
  database.prepare('delete from blobs where hash = ?').run(hash);
  return [];
}
