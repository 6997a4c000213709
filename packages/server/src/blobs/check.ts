/**
 * Holds the bytes on disk against the rows in the database, and repairs what can be repaired. The server may be
 * running: each finding is looked at again inside a write before anything is done about it.
 */
import { createHash } from 'node:crypto';
import { existsSync, renameSync, statSync } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { BlobHash } from '@kolejka/protocol';
import { type BlobRow, deleteBlobRow, findBlob, pageOfBlobs } from '../database/blobs.ts';
import { recount, wronglyCounted } from '../database/quotas.ts';
import type { Connection } from '../database/store.ts';
import { removeDead } from './aside.ts';
import { ignoreMissing } from './files.ts';
import { type Keeping, settleTakenAway } from './keep.ts';
import { removeStrayUploads } from './uploads/expire.ts';

/** What can be wrong, and what a repair does about it. */
export const FINDINGS = {
  'file without row': 'bytes that no row names; repaired, they are removed',
  'row without file': 'bytes are gone; repaired, the row is removed where nothing refers to it',
  'wrong size': 'a file is longer or shorter than its row says; repaired, it is put to `damaged` and can be sent again',
  'wrong hash': 'a file is not what its name says; repaired, it is put to `damaged` and can be sent again',
  'left over': 'files of processes that died; repaired, they are removed or put back',
  'wrong count': 'the bytes a user keeps were counted wrongly; repaired, they are counted anew',
} as const;

export type FindingName = keyof typeof FINDINGS;

export interface Finding {
  finding: FindingName;
  /** The blob, directory or user it is about. */
  about: string;
  /** Whether something names what is gone or damaged: then somebody has lost it until it is sent again. */
  inUse: boolean;
  repaired: boolean;
}

export interface CheckOptions {
  /** Repair what is found. */
  repair?: boolean;
  /** Read every file and compare its hash: as long as reading all of them takes. */
  hashes?: boolean;
}

/** What is wrong with the bytes of a row. */
interface Damage {
  name: FindingName;
  /** The inode of the file that was looked at, where there is one. */
  file?: number;
}

/** What is needed, and where the store's files are. */
export type Checking = Keeping & { root: string };

/** Rows that are read at one time. */
const PAGE = 500;

/** Everything that is wrong, as it is found. */
export async function* checkBlobs(checking: Checking, options: CheckOptions = {}): AsyncGenerator<Finding> {
  // First: what was taken away may go back, and is not lost then.
  yield* checkLeftOver(checking, options);
  yield* checkRows(checking, options);
  yield* checkFiles(checking, options);
  yield* checkCounts(checking, options);
}

async function* checkRows(checking: Checking, options: CheckOptions): AsyncGenerator<Finding> {
  const { store } = checking;
  for (let after = '', read = PAGE; read === PAGE; ) {
    const page = await store.read((db) => pageOfBlobs(db, after, PAGE));
    for (const row of page) {
      const finding = await checkRow(checking, row, options);
      if (finding === undefined) continue;
      const inUse = row.used === 1;
      const repaired = options.repair === true && (await mend(checking, row, finding));
      yield { finding: finding.name, about: row.hash, inUse, repaired };
    }
    after = page.at(-1)?.hash ?? after;
    read = page.length;
  }
}

async function checkRow(
  { store, blobs, root }: Checking,
  row: BlobRow,
  { hashes }: CheckOptions,
): Promise<Damage | undefined> {
  const found = await stat(fileOf(root, row.hash)).catch(ignoreMissing);
  if (found === undefined) {
    // It may have been collected since the page was read.
    const isGone = (await store.read((db) => findBlob(db, row.hash))) === undefined || (await blobs.has(row.hash));
    return isGone ? undefined : { name: 'row without file' };
  }
  if (found.size !== row.size) return { name: 'wrong size', file: found.ino };
  if (hashes !== true) return undefined;
  const opened = await blobs.get(row.hash);
  // It may have been collected by now.
  if (opened === undefined || (await hashOf(opened.bytes)) === row.hash) return undefined;
  return { name: 'wrong hash', file: found.ino };
}

async function hashOf(bytes: AsyncIterable<Buffer>): Promise<string | undefined> {
  const hasher = createHash('sha256');
  try {
    for await (const chunk of bytes) hasher.update(chunk);
  } catch {
    // A disk that does not give its bytes back, or a store that checks by itself: damaged either way.
    return undefined;
  }
  return hasher.digest('hex');
}

function mend(checking: Checking, row: BlobRow, { file }: Damage): Promise<boolean> {
  return file === undefined ? forgetRow(checking, row) : putAside(checking, row, file);
}

/** Removes the row when nothing refers to it and there are still no bytes. */
function forgetRow({ store, root }: Checking, { hash }: BlobRow): Promise<boolean> {
  return store.write(async (db) => {
    const used = await db.get('select 1 as used from blob_references where blob = :hash', { hash });
    // Microseconds, and no upload can put the bytes there in between.
    if (used !== undefined || existsSync(fileOf(root, hash))) return false;
    await deleteBlobRow(db, hash);
    return true;
  });
}

/** Puts a damaged file where nobody finds it: whoever has the bytes is asked for them again. Nothing is thrown away. */
async function putAside({ store, root }: Checking, { hash }: BlobRow, file: number): Promise<boolean> {
  const damaged = path.join(root, 'damaged');
  await mkdir(damaged, { recursive: true, mode: 0o700 });
  return store.write(async () => {
    // An upload may have healed it: that file is another one.
    if (statSync(fileOf(root, hash), { throwIfNoEntry: false })?.ino !== file) return false;
    renameSync(fileOf(root, hash), path.join(damaged, hash));
    return true;
  });
}

async function* checkFiles({ store, blobs, root }: Checking, { repair }: CheckOptions): AsyncGenerator<Finding> {
  const shelves = (await readdir(root)).filter((name) => /^[0-9a-f]{2}$/.test(name));
  for (const shelf of shelves.toSorted()) {
    for (const name of await readdir(path.join(root, shelf))) {
      const hash = BlobHash.safeParse(name).data;
      if (hash === undefined || !hash.startsWith(shelf)) {
        yield { finding: 'left over', about: path.join(shelf, name), inUse: false, repaired: false };
        continue;
      }
      if ((await store.read((db) => findBlob(db, hash))) !== undefined) continue;
      // An upload may be between its bytes and its row; it puts them back if they are taken away meanwhile.
      const taken = await store.write(async (db: Connection) => {
        if ((await findBlob(db, hash)) !== undefined) return 'has a row';
        return repair === true ? blobs.takeAway(hash) : undefined;
      });
      if (taken === 'has a row') continue;
      await taken?.remove();
      yield { finding: 'file without row', about: hash, inUse: false, repaired: repair === true };
    }
  }
}

/** What processes that died have left is only known when it is removed; it is in nobody's way until then. */
async function* checkLeftOver(checking: Checking, { repair }: CheckOptions): AsyncGenerator<Finding> {
  const { blobs, root } = checking;
  const leftOver = (about: string, repaired: boolean): Finding => ({
    finding: 'left over',
    about,
    inUse: false,
    repaired,
  });
  for (const { hash } of await blobs.takenAway()) yield leftOver(`outgoing/${hash}`, repair === true);
  if (repair !== true) return;
  await settleTakenAway(checking);
  for (let count = await removeDead(path.join(root, 'incoming')); count > 0; count -= 1)
    yield leftOver('incoming', true);
  for (let count = await removeStrayUploads(checking); count > 0; count -= 1) yield leftOver('uploads', true);
}

async function* checkCounts({ store }: Checking, { repair }: CheckOptions): AsyncGenerator<Finding> {
  for (const { id, name } of await store.read(wronglyCounted)) {
    if (repair === true) await store.write((db) => recount(db, id));
    yield { finding: 'wrong count', about: name, inUse: false, repaired: repair === true };
  }
}

function fileOf(root: string, hash: BlobHash): string {
  return path.join(root, hash.slice(0, 2), hash);
}
