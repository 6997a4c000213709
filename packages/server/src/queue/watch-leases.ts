/** The pass that takes away leases and wakes foremen for tasks whose pause is over. */
import type { Clock, Log } from '@kolejka/program';
import { classesReadyBetween } from '../database/classes.ts';
import type { Store } from '../database/open.ts';
import { expiredLeases } from '../database/tasks.ts';
import type { MESSAGES } from '../messages.ts';
import { type Absence, makeUpForAbsence } from './absence.ts';
import { expireLeases } from './leases.ts';
import type { Waiting } from './waiting.ts';

/** Pause between two passes. */
const PAUSE_MS = 1000;

/** Answers the pass, for `runLoop`; it answers the pause until the next. */
export function leaseWatch(parts: {
  store: Store;
  clock: Clock;
  waiting: Waiting;
  absence: Absence;
  log: Log<typeof MESSAGES>;
}): () => Promise<number> {
  const { store, clock, waiting, log } = parts;
  let lookedAt = 0;
  return async () => {
    const wasAway = await makeUpForAbsence(parts);
    const now = clock.now();
    // Reading first: a write that changes nothing would still be a commit, every second.
    if (!wasAway && (await store.read((db) => expiredLeases(db, now, 1).length > 0))) {
      for (const loss of await store.write((db) => expireLeases(db, now))) {
        log.say(loss.state === 'failed' ? 'task given up' : 'task lost', { ...loss });
      }
    }
    await store.read((db) => {
      for (const id of classesReadyBetween(db, lookedAt, now)) waiting.ring(db, id);
    });
    lookedAt = now;
    return PAUSE_MS;
  };
}
