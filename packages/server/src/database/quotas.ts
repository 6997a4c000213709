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

/** What a user keeps, counted from the references themselves. */
const COUNTED = `coalesce((select sum(size) from blobs where hash in
  (select blob from blob_references where owner = users.id)), 0)`;

/** Users whose bytes are not counted as they are. Looks at all references. */
export async function wronglyCounted(db: Connection): Promise<{ id: number; name: string }[]> {
  return await db.all(`select id, name from users where used_bytes <> ${COUNTED} order by id`);
}

/** Counts anew what the user keeps. */
export async function recount(db: Connection, user: number): Promise<void> {
  await db.run('delete from holdings where owner = :user', { user });
  await db.run(
    `insert into holdings (owner, blob, claims)
     select owner, blob, count(*) from blob_references where owner = :user group by owner, blob`,
    { user },
  );
  await db.run(`update users set used_bytes = ${COUNTED} where id = :user`, { user });
}
