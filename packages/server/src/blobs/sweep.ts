/**
 * Collects what nobody needs: references that were given up and that no task names, then blobs without a reference.
 *
 * Two phases: a pass condemns blobs that have been of no use for the time of grace; a later pass removes those that
 * were condemned a while ago and to which still nothing refers. Taking a reference revives a condemned blob in the
 * write that takes it. Every write here is small, and others come in between.
 */
import { setImmediate } from 'node:timers/promises';
import { type BlobRow, condemnBlob, condemnedBlobs, pageOfBlobs } from '../database/blobs.ts';
import { pageOfGivenUp, removeGivenUp } from '../database/references.ts';
import { removeBlobs, type Keeping, settleTakenAway } from './keep.ts';
import { expireUploads, removeStrayUploads } from './uploads/expire.ts';

export interface GarbageOptions {
  /** How long a blob must have been of no use before it is condemned. */
  graceMs: number;
  /** How long it must have been condemned before it is removed; an hour. */
  condemnedMs?: number;
  signal?: AbortSignal;
}

export interface Garbage {
  /** Uploads in pieces that were given up. */
  uploads: number;
  /** References that were given up and are gone now. */
  references: number;
  condemned: number;
  removed: number;
  /** Bytes of the removed blobs. */
  bytes: number;
}

const CONDEMNED_MS = 3_600_000;
/** Rows that are read at one time. */
const PAGE = 500;
/** Blobs that are condemned or removed in one write, references that are: a few milliseconds. */
const AT_ONCE = 50;

/** One pass over all blobs; answers what it did. Any number of processes may run one at the same time. */
export async function collectGarbage(keeping: Keeping, options: GarbageOptions): Promise<Garbage> {
  const { clock } = keeping;
  const { graceMs, condemnedMs = CONDEMNED_MS, signal } = options;
  const found: Garbage = { uploads: 0, references: 0, condemned: 0, removed: 0, bytes: 0 };
  await settleTakenAway(keeping);
  found.uploads = (await expireUploads(keeping)) + (await removeStrayUploads(keeping));

  found.references = await removeUnnamed(keeping, signal);
  // First those of earlier passes: what this one condemns stays until the next.
  const before = clock.now() - condemnedMs;
  while (await removeSomeCondemned(keeping, before, found)) signal?.throwIfAborted();
  found.condemned = await condemnUnused(keeping, clock.now() - graceMs, signal);
  return found;
}

async function removeUnnamed({ store }: Keeping, signal?: AbortSignal): Promise<number> {
  let removed = 0;
  // A page at a time: tasks may name a million that were given up, and keep them.
  for (let after = '', read = PAGE; read === PAGE; ) {
    signal?.throwIfAborted();
    const page = await store.read((db) => pageOfGivenUp(db, after, PAGE));
    const unnamed = page.filter(({ named }) => named === 0);
    for (let from = 0; from < unnamed.length; from += AT_ONCE) {
      const some = unnamed.slice(from, from + AT_ONCE);
      removed += await store.write(async (db) => {
        let count = 0;
        for (const { key } of some) if (await removeGivenUp(db, key)) count += 1;
        return count;
      });
    }
    after = page.at(-1)?.key ?? after;
    read = page.length;
    await setImmediate();
  }
  return removed;
}

/** Answers whether there may be more. */
async function removeSomeCondemned(keeping: Keeping, before: number, found: Garbage): Promise<boolean> {
  if ((await keeping.store.read((db) => condemnedBlobs(db, before, 1))).length === 0) return false;
  const gone: BlobRow[] = [];
  await removeBlobs(keeping, async (db) => {
    gone.push(...(await condemnedBlobs(db, before, AT_ONCE)));
    return gone.map(({ hash }) => hash);
  });
  found.removed += gone.length;
  found.bytes += gone.reduce((sum, { size }) => sum + size, 0);
  return gone.length === AT_ONCE;
}

async function condemnUnused({ store, clock }: Keeping, before: number, signal?: AbortSignal): Promise<number> {
  let condemned = 0;
  for (let after = '', read = PAGE; read === PAGE; ) {
    signal?.throwIfAborted();
    const page = await store.read((db) => pageOfBlobs(db, after, PAGE));
    const unused = page.filter(
      ({ used, condemned_ms, accessed_ms }) => used === 0 && condemned_ms === null && accessed_ms <= before,
    );
    for (let from = 0; from < unused.length; from += AT_ONCE) {
      const some = unused.slice(from, from + AT_ONCE).map(({ hash }) => hash);
      condemned += await store.write(async (db) => {
        let count = 0;
        // Looked at again one by one: a reference may have been taken since the page was read.
        for (const hash of some) if (await condemnBlob(db, hash, before, clock.now())) count += 1;
        return count;
      });
    }
    after = page.at(-1)?.hash ?? after;
    read = page.length;
    // A read of SQLite does not wait for anything: without this a million blobs would be one turn.
    await setImmediate();
  }
  return condemned;
}
