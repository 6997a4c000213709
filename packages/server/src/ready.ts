/** Can the server do its work? For whoever sends it requests or starts it anew. */
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { type Clock, realClock } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import type { Store } from './database/store.ts';

export interface Readiness {
  store: Store;
  /** The data directory. */
  data: string;
  stopping: AbortSignal;
  clock?: Clock;
}

/** What must be free on the disk, in bytes: below, the database and its log will soon be unable to grow. */
const LEAST_FREE = 64 * 1024 ** 2;

/** Answers are good for so long: anyone may ask, as often as they like. */
const GOOD_FOR_MS = 1000;

/**
 * Answers the function that looks whether the server is ready.
 * @throws GridError `not-ready` with the reason
 */
export function openReadiness({ store, data, stopping, clock = realClock }: Readiness): () => Promise<void> {
  let known: Promise<void> | undefined;
  let untilMs = 0;

  async function look(): Promise<void> {
    // A write that changes nothing costs no fsync, but takes the writer's lock.
    await explain('the database', () => store.write(async (db) => await db.get('select 1')));
    await explain('the data directory', () => access(data, constants.W_OK));
    const { bavail, bsize } = await statfs(data);
    if (bavail * bsize >= LEAST_FREE) return;
    throw new GridError('not-ready', `The disk of the data directory is full: less than ${LEAST_FREE} bytes are free.`);
  }

  return async () => {
    if (stopping.aborted) throw new GridError('not-ready', 'The server is stopping.');
    if (known === undefined || clock.monotonic() > untilMs) {
      untilMs = clock.monotonic() + GOOD_FOR_MS;
      known = look();
    }
    await known;
  };
}

async function explain(what: string, look: () => Promise<unknown>): Promise<void> {
  try {
    await look();
  } catch (cause) {
    throw new GridError('not-ready', `The server cannot write to ${what}.`, { cause });
  }
}
