/** From bytes to a promise: puts them into the store and commits what names them, both or neither. */
import type { BlobHash } from '@kolejka/protocol';
import { deleteBlobRow, findBlob, recordBlob } from '../database/blobs.ts';
import type { Connection } from '../database/store.ts';
import type { Parts } from '../parts.ts';
import type { Incoming, Placed, TakenAway } from './store.ts';

/** What blobs are kept with. */
export type Keeping = Pick<Parts, 'store' | 'blobs' | 'clock'>;

/**
 * Puts the bytes and runs `name` in the write that records them; answers what it answers. When it throws, nothing is
 * kept: neither its changes nor bytes that nobody else has.
 * @throws GridError as `BlobStore.put`
 */
export async function keepBlob<Answer>(
  keeping: Keeping,
  incoming: Incoming,
  name: (db: Connection, blob: { hash: BlobHash; size: number }, now: number) => Promise<Answer>,
): Promise<Answer> {
  return await keepPlaced(keeping, await keeping.blobs.put(incoming), name);
}

/** As `keepBlob`, of bytes that are in the store already. */
export async function keepPlaced<Answer>(
  keeping: Keeping,
  placed: Placed,
  name: (db: Connection, blob: { hash: BlobHash; size: number }, now: number) => Promise<Answer>,
): Promise<Answer> {
  const { store, clock } = keeping;
  let answer: Answer;
  try {
    answer = await store.write(async (db) => {
      const now = clock.now();
      placed.stay();
      await recordBlob(db, placed, now);
      return name(db, placed, now);
    });
  } catch (error) {
    await dropUnrecorded(keeping, placed);
    await placed.giveUp();
    throw error;
  }
  await placed.settle();
  return answer;
}

/** Removes bytes of which there is no row. A failure leaves a file that `check` finds; the first error matters more. */
async function dropUnrecorded({ store, blobs }: Keeping, { hash }: Placed): Promise<void> {
  const look = async (db: Connection) => ((await findBlob(db, hash)) === undefined ? blobs.takeAway(hash) : undefined);
  const taken = await store.write(look).catch(() => undefined);
  await taken?.remove().catch(() => undefined);
}

/**
 * Removes blobs in one write: their rows, and their bytes when the rows are gone.
 * @param choose answers which; nothing may refer to them any more
 */
export async function removeBlobs(
  { store, blobs }: Keeping,
  choose: (db: Connection) => Promise<readonly BlobHash[]>,
): Promise<void> {
  const taken: TakenAway[] = [];
  try {
    await store.write(async (db) => {
      for (const hash of await choose(db)) {
        await deleteBlobRow(db, hash);
        const bytes = blobs.takeAway(hash);
        if (bytes !== undefined) taken.push(bytes);
      }
    });
  } catch (error) {
    for (const bytes of taken) bytes.putBack();
    throw error;
  }
  for (const bytes of taken) await bytes.remove();
}

/**
 * Decides about bytes that a process had taken away when it died: those whose row is there go back.
 * @returns how many were removed
 */
export async function settleTakenAway({ store, blobs }: Keeping): Promise<number> {
  let removed = 0;
  for (const taken of await blobs.takenAway()) {
    // In a write, so that no other process is between its rename and its commit.
    const isGone = await store.write(async (db) => {
      if ((await findBlob(db, taken.hash)) === undefined) return true;
      taken.putBack();
      return false;
    });
    if (isGone) removed += 1;
    await taken.remove();
  }
  return removed;
}
