/** The pass that takes away leases and wakes foremen for tasks whose pause is over. */
import type { Clock, Log } from '@kolejka/program';
import { endPauses, isPauseOver } from '../database/queues.ts';
import type { Follow } from '../database/follow.ts';
import type { Store } from '../database/store.ts';
import { expiredLeases } from '../database/tasks.ts';
import type { MESSAGES } from '../messages.ts';
import { type Absence, makeUpForAbsence } from './absence.ts';
import { expireLeases } from './leases.ts';
import type { Waiting } from './waiting.ts';
import { readyWatch } from './watch-ready.ts';

/** Pause between two passes. */
const PAUSE_MS = 1000;

/** Most foremen that are woken for tasks of one class whose pauses ended together. */
const MOST_RUNG = 100;

/** Answers the pass, for `runLoop`; it answers the pause until the next. */
export function leaseWatch(parts: {
  store: Store;
  follow: Follow;
  clock: Clock;
  waiting: Waiting;
  absence: Absence;
  log: Log<typeof MESSAGES>;
  leaseMs?: number;
}): () => Promise<number> {
  const { store, follow, clock, waiting, log } = parts;
  const lookForReady = readyWatch(parts);
  return async () => {
    const wasAway = await makeUpForAbsence(parts);
    const now = clock.now();
    // Reading first: a write that changes nothing would still be a commit, every second.
    if (!wasAway && (await store.read(async (db) => (await expiredLeases(db, now, 1)).length > 0))) {
      for (const loss of await store.write((db) => expireLeases(db, now))) {
        log.say(loss.state === 'failed' ? 'task given up' : 'task lost', { ...loss });
      }
    }
    if (await store.read((db) => isPauseOver(db, now))) {
      for (const id of await store.write((db) => endPauses(db, now))) await waiting.ring(id, MOST_RUNG);
    }
    await lookForReady();
    // For what nobody told of: a command line that wrote to the database beside us.
    await follow.look();
    return PAUSE_MS;
  };
}
