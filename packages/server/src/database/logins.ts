/** Sessions and tokens: what stands for a user until it expires. Only hashes are kept. */
import type { Connection } from './open.ts';
import { USER_COLUMNS, type UserRow, userFrom } from './users.ts';

export function insertSession(
  db: Connection,
  session: { hash: string; user: number; expiresMs: number },
  now: number,
): void {
  db.run('delete from sessions where expires_ms <= :now', { now });
  db.run('insert into sessions (hash, user, expires_ms) values (:hash, :user, :expiresMs)', session);
}

export function deleteSession(db: Connection, hash: string): void {
  db.run('delete from sessions where hash = :hash', { hash });
}

export function findUserOfSession(db: Connection, hash: string, now: number): UserRow | undefined {
  return userFrom(
    db.get(
      `select ${USER_COLUMNS} from sessions join users on users.id = sessions.user
       where sessions.hash = :hash and sessions.expires_ms > :now`,
      { hash, now },
    ),
  );
}

export function insertToken(
  db: Connection,
  token: { hash: string; user: number; label: string; expiresMs: number | null },
  now: number,
): void {
  db.run(
    `insert into tokens (hash, user, label, created_ms, expires_ms)
     values (:hash, :user, :label, :now, :expiresMs)`,
    { ...token, now },
  );
}

/** Takes back all tokens of the user with this label. */
export function deleteTokens(db: Connection, user: number, label: string): void {
  db.run('delete from tokens where user = :user and label = :label', { user, label });
}

export function findUserOfToken(db: Connection, hash: string, now: number): UserRow | undefined {
  return userFrom(
    db.get(
      `select ${USER_COLUMNS} from tokens join users on users.id = tokens.user
       where tokens.hash = :hash and (tokens.expires_ms is null or tokens.expires_ms > :now)`,
      { hash, now },
    ),
  );
}
