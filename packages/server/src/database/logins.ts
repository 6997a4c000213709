/** Sessions and tokens: what stands for a user until it expires. Only hashes are kept. */
import { printTime } from './print-time.ts';
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

/** Ends all sessions of a user. */
export async function deleteSessionsOf(db: Connection, user: number): Promise<void> {
  await db.run('delete from sessions where "user" = :user', { user });
}

/** Whom the session stands for; nobody when it has ended or the user is disabled. */
export async function findUserOfSession(db: Connection, hash: string, now: number): Promise<UserRow | undefined> {
  return userFrom(
    await db.get(
      `select ${USER_COLUMNS} from sessions join users on users.id = sessions."user"
       where sessions.hash = :hash and sessions.expires_ms > :now and users.disabled = 0`,
      { hash, now },
    ),
  );
}

export async function insertToken(
  db: Connection,
  token: { hash: string; user: number; label: string; expiresMs: number | null },
  now: number,
): Promise<number> {
  const row = await db.get<{ id: number }>(
    `insert into tokens (hash, "user", label, created_ms, expires_ms)
     values (:hash, :user, :label, :now, :expiresMs) returning id`,
    { ...token, now },
  );
  return (row as { id: number }).id;
}

export interface TokenRow {
  id: number;
  /** Name of the user it stands for. */
  user: string;
  label: string;
  created_ms: number;
  expires_ms: number | null;
  last_used_ms: number | null;
}

/** Tokens of a user, or of all, oldest first. */
export async function listTokens(db: Connection, user: number | undefined): Promise<TokenRow[]> {
  return await db.all<TokenRow>(
    `select tokens.id, users.name as "user", label, tokens.created_ms, expires_ms, last_used_ms
     from tokens join users on users.id = tokens."user"
     ${user === undefined ? '' : 'where tokens."user" = :user'} order by tokens.id`,
    user === undefined ? {} : { user },
  );
}

/** What is shown of a token; the token itself is known to nobody but its holder. */
export interface PrintedToken {
  id: number;
  label: string;
  time_create: string;
  time_expire: string | null;
  time_use: string | null;
}

export function printToken(row: TokenRow): PrintedToken {
  const print = (moment: number | null) => (moment === null ? null : printTime(moment));
  return {
    id: row.id,
    label: row.label,
    time_create: printTime(row.created_ms),
    time_expire: print(row.expires_ms),
    time_use: print(row.last_used_ms),
  };
}

/** Takes back tokens of the user: those of this label, of this number, or all; answers how many. */
export async function deleteTokens(
  db: Connection,
  user: number,
  { id, label }: { id?: number | undefined; label?: string | undefined },
): Promise<number> {
  const given = Object.entries({ id, label }).filter(([, value]) => value !== undefined) as [string, string | number][];
  const where = ['"user" = :user', ...given.map(([column]) => `${column} = :${column}`)].join(' and ');
  return await db.run(`delete from tokens where ${where}`, { user, ...Object.fromEntries(given) });
}

/** A token is said to be used at most once in so many milliseconds: not every request shall be a write. */
const USE_NOTED_MS = 60_000;

/**
 * Whom the token stands for, and whether it is time to note its use; nobody when it has expired or the user is
 * disabled.
 */
export async function findUserOfToken(
  db: Connection,
  hash: string,
  now: number,
): Promise<(UserRow & { isUseDue: boolean }) | undefined> {
  const row = await db.get<{ last_used_ms: number | null } & Parameters<typeof userFrom>[0]>(
    `select ${USER_COLUMNS}, tokens.last_used_ms from tokens join users on users.id = tokens."user"
     where tokens.hash = :hash and (tokens.expires_ms is null or tokens.expires_ms > :now) and users.disabled = 0`,
    { hash, now },
  );
  const user = userFrom(row);
  if (row === undefined || user === undefined) return undefined;
  return { ...user, isUseDue: row.last_used_ms === null || Math.abs(now - row.last_used_ms) >= USE_NOTED_MS };
}

export async function noteTokenUse(db: Connection, hash: string, now: number): Promise<void> {
  await db.run('update tokens set last_used_ms = :now where hash = :hash', { hash, now });
}
