/**
 * Removes what is too old: tasks that ended long ago, where the settings ask for it; keys of requests that nobody
 * repeats any more; notes about tasks that were removed. In small writes, so that others come in between.
 */
import type { Clock, Log } from '@kolejka/program';
import { hasOldKey, removeOldKeys } from '../database/idempotency.ts';
import { giveUpReference, referencesOnlyOf } from '../database/references.ts';
import { hasOldNote, removeOldNotes, removeTask } from '../database/removal.ts';
import type { Connection, Store } from '../database/store.ts';
import { endedBefore, type TaskRow } from '../database/tasks.ts';
import type { MESSAGES } from '../messages.ts';

const DAY_MS = 86_400_000;
/** A client that lost an answer asks again within the hour; a week is for one that was switched off meanwhile. */
const KEYS_KEPT_MS = 7 * DAY_MS;
/** Whoever follows the log and was away for longer reads the list of tasks. */
const NOTES_KEPT_MS = 30 * DAY_MS;
/** Tasks that are removed in one write: a few milliseconds. */
const AT_ONCE = 20;
const ROWS_AT_ONCE = 500;

const PAUSE_MS = 60_000;
/** While there is more: half of the time is for others. */
const SHORT_PAUSE_MS = 20;

/** Answers the pass, for `runLoop`; it answers the pause until the next. */
export function retentionWatch(
  { store, clock, log }: { store: Store; clock: Clock; log: Log<typeof MESSAGES> },
  keepMs: number | undefined,
): () => Promise<number> {
  let removed = 0;
  return async () => {
    const now = clock.now();
    const tasks = keepMs === undefined ? 0 : await removeOldTasks(store, now - keepMs, now);
    const rows = await removeOldRows(store, now);
    removed += tasks;
    if (tasks === AT_ONCE || rows >= ROWS_AT_ONCE) return SHORT_PAUSE_MS;
    if (removed > 0) log.say('old tasks removed', { count: removed });
    removed = 0;
    return PAUSE_MS;
  };
}

// Both look before they write: a write that changes nothing would still be a commit.

async function removeOldTasks(store: Store, before: number, now: number): Promise<number> {
  if ((await store.read((db) => endedBefore(db, before, 1))).length === 0) return 0;
  return store.write(async (db) => {
    const rows = await endedBefore(db, before, AT_ONCE);
    for (const row of rows) await retire(db, row, before, now);
    return rows.length;
  });
}

/** Without its task nobody would know what such a reference is for; one that was made of late may be for a new task. */
async function retire(db: Connection, row: TaskRow, before: number, now: number): Promise<void> {
  const references = await referencesOnlyOf(db, row.number, before);
  await removeTask(db, row, { now, why: 'ended longer ago than keep_results' });
  for (const reference of references) await giveUpReference(db, reference, now);
}

async function removeOldRows(store: Store, now: number): Promise<number> {
  const [keys, notes] = [now - KEYS_KEPT_MS, now - NOTES_KEPT_MS];
  if (!(await store.read(async (db) => (await hasOldKey(db, keys)) || (await hasOldNote(db, notes))))) return 0;
  return store.write(
    async (db) => (await removeOldKeys(db, keys, ROWS_AT_ONCE)) + (await removeOldNotes(db, notes, ROWS_AT_ONCE)),
  );
}
