/** Sessions and tokens: what stands for a user until it expires. Only hashes are kept. */
import type { Connection } from './store.ts';
import { USER_COLUMNS, type UserRow, userFrom } from './users.ts';

export async function insertSession(
  db: Connection,
  session: { hash: string; user: number; expiresMs: number },
  now: number,
): Promise<void> {
  await db.run('delete from sessions where expires_ms <= :now', { now });
  await db.run('insert into sessions (hash, "user", expires_ms) values (:hash, :user, :expiresMs)', session);
}

export async function deleteSession(db: Connection, hash: string): Promise<void> {
  await db.run('delete from sessions where hash = :hash', { hash });
}

export async function findUserOfSession(db: Connection, hash: string, now: number): Promise<UserRow | undefined> {
  return userFrom(
    await db.get(
      `select ${USER_COLUMNS} from sessions join users on users.id = sessions."user"
       where sessions.hash = :hash and sessions.expires_ms > :now`,
      { hash, now },
    ),
  );
}

export async function insertToken(
  db: Connection,
  token: { hash: string; user: number; label: string; expiresMs: number | null },
  now: number,
): Promise<void> {
  await db.run(
    `insert into tokens (hash, "user", label, created_ms, expires_ms)
     values (:hash, :user, :label, :now, :expiresMs)`,
    { ...token, now },
  );
}

/** Takes back all tokens of the user with this label. */
export async function deleteTokens(db: Connection, user: number, label: string): Promise<void> {
  await db.run('delete from tokens where "user" = :user and label = :label', { user, label });
}

export async function findUserOfToken(db: Connection, hash: string, now: number): Promise<UserRow | undefined> {
  return userFrom(
    await db.get(
      `select ${USER_COLUMNS} from tokens join users on users.id = tokens."user"
       where tokens.hash = :hash and (tokens.expires_ms is null or tokens.expires_ms > :now)`,
      { hash, now },
    ),
  );
}
