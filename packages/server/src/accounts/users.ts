/** Users: add, change the password, disable, list. */
import { type Group, GridError } from '@kolejka/protocol';
import type { Connection } from '../database/store.ts';
import { deleteSessionsOf } from '../database/logins.ts';
import { changeUser, findUser, insertUser, listUsers, type UserRow } from '../database/users.ts';
import { hashPassword } from '../passwords.ts';
import { type Place, withStore } from './place.ts';

export interface NewUser {
  name: string;
  password: string;
  email: string;
  groups: readonly Group[];
}

/** What is shown of a user. */
export type KnownUser = Omit<UserRow, 'id' | 'password' | 'created_ms' | 'disabled'> & {
  disabled: boolean;
  /** How many bytes the user keeps. */
  used_bytes: number;
  time_create: string;
};

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
  requirePassword(user.password);
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
 * Changes the password and ends the user's sessions; tokens stay.
 * @throws GridError `not-found`, `bad-value`
 */
export async function setPassword(place: Place, name: string, password: string): Promise<void> {
  requirePassword(password);
  const hashed = await hashPassword(password);
  await withStore(place, (store) =>
    store.write(async (db) => {
      const { id } = await requireUser(db, name);
      await changeUser(db, id, { password: hashed });
      await deleteSessionsOf(db, id);
    }),
  );
}

/**
 * A disabled user can do nothing: no login, and sessions and tokens stand for nobody. What is the user's stays.
 * @throws GridError `not-found`
 */
export async function setDisabled(place: Place, name: string, disabled: boolean): Promise<void> {
  await withStore(place, (store) =>
    store.write(async (db) => {
      const { id } = await requireUser(db, name);
      await changeUser(db, id, { disabled: Number(disabled) as 0 | 1 });
      // Tokens count again when the user does; sessions are begun anew.
      if (disabled) await deleteSessionsOf(db, id);
    }),
  );
}

export interface Quotas {
  /** Most tasks that wait to be run; null is what the settings say. */
  quota_pending?: number | null;
  /** Most requests a minute. */
  rate_requests?: number | null;
  /** Most bytes to keep. */
  quota_bytes?: number | null;
}

/**
 * Gives a user other quotas than the settings say.
 * @throws GridError `not-found`
 */
export async function setQuotas(place: Place, name: string, quotas: Quotas): Promise<void> {
  await withStore(place, (store) =>
    store.write(async (db) => changeUser(db, (await requireUser(db, name)).id, quotas)),
  );
}

/** All users by name. */
export async function showUsers(place: Place): Promise<KnownUser[]> {
  const rows = await withStore(place, (store) => store.read(listUsers));
  return rows.map(({ id: _id, password: _password, created_ms, disabled, ...row }) => ({
    ...row,
    disabled: disabled === 1,
    time_create: new Date(created_ms).toISOString(),
  }));
}

/** @throws GridError `not-found` */
export async function requireUser(db: Connection, name: string): Promise<UserRow> {
  const user = await findUser(db, name);
  if (user !== undefined) return user;
  throw new GridError('not-found', `There is no user ${name}: add one with kolejka-server adduser.`);
}

function requirePassword(password: string): void {
  if (password === '') throw new GridError('bad-value', 'The password is empty.', { field: 'password' });
}
