/** Tokens that stand for a user: make, list, take back. */
import { GridError } from '@kolejka/protocol';
import { deleteTokens, insertToken, listTokens, type PrintedToken, printToken } from '../database/logins.ts';
import { fingerprint, newToken } from '../secrets.ts';
import { type Place, withStore } from './place.ts';
import { requireUser } from './users.ts';

export interface NewToken {
  /** Name of the user the token stands for. */
  name: string;
  /** What it is for. */
  label?: string;
  /** Days until it expires; without, it does not. */
  days?: number;
  /** Takes back the user's tokens with the same label: for programs that make one at each start. */
  replace?: boolean;
}

/** What is shown of a token, and whose it is. */
export type KnownToken = PrintedToken & { user: string };

/** Which tokens of a user; all conditions that are given must hold. */
export interface Which {
  id?: number | undefined;
  label?: string | undefined;
}

const DAY_MS = 86_400_000;

/**
 * Makes a bearer token. It is shown this once; the database keeps its hash.
 * @throws GridError `not-found` when there is no such user
 */
export async function createToken(place: Place, { name, label = '', days, replace }: NewToken): Promise<string> {
  const token = newToken();
  await withStore(place, (store) =>
    store.write(async (db) => {
      const user = await requireUser(db, name);
      const now = Date.now();
      if (replace === true) await deleteTokens(db, user.id, { label });
      const expiresMs = days === undefined ? null : Math.round(now + days * DAY_MS);
      await insertToken(db, { hash: fingerprint(token), user: user.id, label, expiresMs }, now);
    }),
  );
  return token;
}

/**
 * Tokens of a user, of all without a name, oldest first.
 * @throws GridError `not-found`
 */
export async function showTokens(place: Place, name?: string): Promise<KnownToken[]> {
  const rows = await withStore(place, (store) =>
    store.read(async (db) => listTokens(db, name === undefined ? undefined : (await requireUser(db, name)).id)),
  );
  return rows.map((row) => ({ user: row.user, ...printToken(row) }));
}

/**
 * Takes tokens back: they stand for nobody from now on.
 * @returns how many there were
 * @throws GridError `not-found`: no such user, or no such token
 */
export async function revokeTokens(place: Place, name: string, which: Which): Promise<number> {
  const count = await withStore(place, (store) =>
    store.write(async (db) => deleteTokens(db, (await requireUser(db, name)).id, which)),
  );
  if (count > 0) return count;
  throw new GridError('not-found', `The user ${name} has no such token; see kolejka-server token list ${name}.`);
}
