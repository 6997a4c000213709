/** How many bytes users keep, and how many they may. Triggers keep the count (migration 3). */
import type { Connection } from './store.ts';

export interface Use {
  /** Bytes of the blobs to which the user has references, each blob once. */
  used_bytes: number;
  /** What the user may keep, where that was said for this user. */
  quota_bytes: number | null;
}

export async function findUse(db: Connection, user: number): Promise<Use> {
  const row = await db.get<Use>('select used_bytes, quota_bytes from users where id = :user', { user });
  return row ?? { used_bytes: 0, quota_bytes: null };
}

/** @param bytes null: what the settings say */
export async function setQuota(db: Connection, user: number, bytes: number | null): Promise<void> {
  await db.run('update users set quota_bytes = :bytes where id = :user', { user, bytes });
}
