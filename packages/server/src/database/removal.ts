/**
 * Removing tasks and results, for good.
 *
 * A task that has not ended is cancelled first, so that everything that counts live tasks hears of it as of any other
 * move. Of its events only the note that it was removed is left: by then nothing else in the log leads anywhere.
 */
import { FINAL_STATES } from '@kolejka/protocol';
import { appendEvent } from './events.ts';
import { dropFiles } from './references.ts';
import type { Connection } from './store.ts';
import { moveTask, type TaskRow } from './tasks.ts';

/** Removes the task with its files, result and events; references stay, but those that were given up. `why` is one sentence. */
export async function removeTask(
  db: Connection,
  row: TaskRow,
  { now, why }: { now: number; why: string },
): Promise<void> {
  const ended = FINAL_STATES.includes(row.state) ? row : await cancelTask(db, row, { now, why });
  const task = row.number;
  await dropFiles(db, task, 'both', now);
  await db.run('delete from results where task = :task', { task });
  await db.run('delete from idempotency_keys where task = :task', { task });
  await db.run('delete from events where task = :task', { task });
  await appendEvent(db, ended, 'deleted', { now, foreman: ended.foreman, message: why });
  await db.run('update events set task_id = :id where task = :task', { id: row.id, task });
  await db.run('delete from tasks where number = :task', { task });
}

/** Cancels a task that has not ended; a foreman that has it hears so at its next heartbeat. */
export async function cancelTask(
  db: Connection,
  row: TaskRow,
  { now, why }: { now: number; why: string },
): Promise<TaskRow> {
  const change = { expires_ms: null, running: 0, not_before_ms: 0 } as const;
  // Inside one write nobody can come between reading and moving.
  return (await moveTask(db, row, 'cancelled', change, { now, message: why })) as TaskRow;
}

/**
 * Removes the result of a task and its claims on files; the task has ended and stays so.
 * @returns false when there was none
 */
export async function removeResult(db: Connection, task: number, now: number): Promise<boolean> {
  await dropFiles(db, task, 'result', now);
  return (await db.run('delete from results where task = :task', { task })) > 0;
}

/** Was there a task of this identifier, which was removed? Known for as long as the log keeps the note. */
export async function wasRemoved(db: Connection, id: string): Promise<boolean> {
  return (await db.get('select 1 as known from events where task_id = :id', { id })) !== undefined;
}

/** Is there a note about a task that was removed before a moment? */
export async function hasOldNote(db: Connection, before: number): Promise<boolean> {
  const sql = 'select 1 as old from events where task_id is not null and time_ms < :before limit 1';
  return (await db.get(sql, { before })) !== undefined;
}

/** Forgets tasks that were removed before a moment; answers how many, at most `most`. */
export async function removeOldNotes(db: Connection, before: number, most: number): Promise<number> {
  return await db.run(
    `delete from events where number in
       (select number from events where task_id is not null and time_ms < :before order by time_ms limit :most)`,
    { before, most },
  );
}
