/**
 * What a user may keep. Each blob counts once for a user, however many references the user has to it.
 *
 * The quota of the settings is for those who put tasks. Those who hand in results only carry bytes for others, and
 * nothing of theirs may be lost because many are under way: they have a quota only when one was set for them.
 */
import { GridError } from '@kolejka/protocol';
import { findUse } from '../database/quotas.ts';
import type { Connection } from '../database/store.ts';
import type { ServerSettings } from '../config.ts';
import type { User } from '../parts.ts';

/** How many more bytes the user may keep; Infinity without a quota, below 0 when there are too many already. */
export async function roomOf(
  db: Connection,
  user: User,
  { quota_bytes: usual }: Pick<ServerSettings, 'quota_bytes'>,
): Promise<number> {
  const { used_bytes, quota_bytes } = await findUse(db, user.id);
  const quota = quota_bytes ?? (user.permissions.has('task.process_task') ? undefined : usual);
  return quota === undefined ? Infinity : quota - used_bytes;
}

/** @throws GridError `bytes-quota-reached` when what the user keeps by now is too much */
export async function refuseOverQuota(
  db: Connection,
  user: User,
  settings: Pick<ServerSettings, 'quota_bytes'>,
): Promise<void> {
  const room = await roomOf(db, user, settings);
  if (room < 0) throw overQuota(room);
}

/** @param room how many bytes there is room for */
export function overQuota(room: number): GridError {
  return new GridError('bytes-quota-reached', `You may keep ${Math.max(0, room)} bytes more here, and this is more.`);
}
