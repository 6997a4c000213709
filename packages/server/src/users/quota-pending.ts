/** How many tasks of a user may wait to be run. */
import { GridError } from '@kolejka/protocol';
import { countReadyOf } from '../database/counts.ts';
import type { Connection } from '../database/store.ts';
import type { User } from '../parts.ts';

/** Tasks are taken from the queue when foremen have room, and nobody knows when that is. */
const RETRY_AFTER_S = 30;

/**
 * To be called in the write that puts a task.
 * @param usual what the settings say; no limit without it
 * @throws GridError `quota-reached`
 */
export async function requirePendingRoom(db: Connection, user: User, usual: number | undefined): Promise<void> {
  const most = user.quotaPending ?? usual;
  if (most === undefined || (await countReadyOf(db, user.id)) < most) return;
  throw new GridError('quota-reached', `You have ${most} tasks that wait; more are not taken until some have run.`, {
    retryAfterS: RETRY_AFTER_S,
  });
}
