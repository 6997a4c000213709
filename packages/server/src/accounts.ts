/**
 * Users and tokens of a data directory, for command lines and for programs that set a server up. Works beside a
 * running server: both open the same database. This is the door `@kolejka/server/accounts`.
 */
import { type Group, GridError } from '@kolejka/protocol';
import { makeDataDirectory } from './data-directory.ts';
import { deleteTokens, insertToken } from './database/logins.ts';
import { openStore } from './database/open.ts';
import type { Store } from './database/store.ts';
import { findUser, insertUser, type UserRow } from './database/users.ts';
import { hashPassword } from './passwords.ts';
import { fingerprint, newToken } from './secrets.ts';

/** Where the database is; the settings of a server are such a place. */
export interface Place {
  /** The data directory. */
  data: string;
  /** Address of a PostgreSQL database; without it, the SQLite file in the data directory. */
  database?: string | undefined;
}

export interface NewUser {
  name: string;
  password: string;
  email: string;
  groups: readonly Group[];
}

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

const DAY_MS = 86_400_000;

/**
 * Adds a user.
 * @throws GridError `already-exists`, `bad-value`
 */
export async function addUser(place: Place, user: NewUser): Promise<void> {
  const added = await ensureUser(place, user);
  if (!added) throw new GridError('already-exists', `There is a user ${user.name} already.`, { field: 'name' });
}

/**
 * Adds a user unless there is one of that name, whose password and groups then stay as they are.
 * @returns whether one was added
 * @throws GridError `bad-value`
 */
export async function ensureUser(place: Place, user: NewUser): Promise<boolean> {
  if (!/^[\w.@+-]{1,150}$/.test(user.name)) {
    throw new GridError('bad-value', 'A user name has 1 to 150 letters, digits and the characters . @ + - _', {
      field: 'name',
    });
  }
  if (user.password === '') throw new GridError('bad-value', 'The password is empty.', { field: 'password' });
  return withStore(place, async (store) => {
    if ((await store.read((db) => findUser(db, user.name))) !== undefined) return false;
    const password = await hashPassword(user.password);
    return store.write(async (db) => {
      if ((await findUser(db, user.name)) !== undefined) return false;
      await insertUser(db, { ...user, password, groups: [...user.groups] }, Date.now());
      return true;
    });
  });
}

/**
 * Makes a bearer token. It is shown this once; the database keeps its hash.
 * @throws GridError `not-found` when there is no such user
 */
export async function createToken(place: Place, { name, label = '', days, replace }: NewToken): Promise<string> {
  const token = newToken();
  await withStore(place, (store) =>
    store.write(async (db) => {
      const user = requireUser(await findUser(db, name), name);
      const now = Date.now();
      if (replace === true) await deleteTokens(db, user.id, label);
      const expiresMs = days === undefined ? null : Math.round(now + days * DAY_MS);
      await insertToken(db, { hash: fingerprint(token), user: user.id, label, expiresMs }, now);
    }),
  );
  return token;
}

function requireUser(user: UserRow | undefined, name: string): UserRow {
  if (user !== undefined) return user;
  throw new GridError('not-found', `There is no user ${name}: add one with kolejka-server adduser.`);
}

async function withStore<Answer>(place: Place, use: (store: Store) => Promise<Answer>): Promise<Answer> {
  const directory = await makeDataDirectory(place.data);
  const store = await openStore(place.database ?? directory.database);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
