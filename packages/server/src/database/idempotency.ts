/** Idempotency keys: which task a user's request has already made. */
import { GridError } from '@kolejka/protocol';
import type { Connection } from './store.ts';
import { findTaskByNumber, type TaskRow } from './tasks.ts';

/**
 * The task this key has made, or undefined when the key is new.
 * @param request hash of the request, so that a key used for something else is noticed
 * @throws GridError `already-exists` when the key belongs to another request
 */
export async function findByKey(
  db: Connection,
  user: number,
  key: string,
  request: string,
): Promise<TaskRow | undefined> {
  const row = await db.get<{ task: number; request: string }>(
    'select task, request from idempotency_keys where "user" = :user and key = :key',
    { user, key },
  );
  if (row === undefined) return undefined;
  if (row.request !== request) {
    throw new GridError('already-exists', 'This Idempotency-Key was sent before, with another task.');
  }
  return findTaskByNumber(db, row.task);
}

export async function rememberKey(
  db: Connection,
  entry: { user: number; key: string; task: number; request: string },
  now: number,
): Promise<void> {
  await db.run(
    `insert into idempotency_keys ("user", key, task, request, created_ms) values (:user, :key, :task, :request, :now)`,
    { ...entry, now },
  );
}

/** Is there a key that was sent before a moment? */
export async function hasOldKey(db: Connection, before: number): Promise<boolean> {
  return (
    (await db.get('select 1 as old from idempotency_keys where created_ms < :before limit 1', { before })) !== undefined
  );
}

/** Forgets keys that were sent before a moment; answers how many, at most `most`. */
export async function removeOldKeys(db: Connection, before: number, most: number): Promise<number> {
  return await db.run(
    `delete from idempotency_keys where ("user", key) in
       (select "user", key from idempotency_keys where created_ms < :before order by created_ms limit :most)`,
    { before, most },
  );
}
