/** The users of simulated grids, in a database that each history begins with a copy of. */
import { mkdtemp } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { addUser, createToken } from '@kolejka/server/accounts';
import { type Group, permissionsOf } from '@kolejka/protocol';
import { openStore } from '../../packages/server/src/database/open.ts';
import { findUser } from '../../packages/server/src/database/users.ts';
import type { User } from '../../packages/server/src/parts.ts';

export interface KnownUser extends User {
  token: string;
}

export interface Template {
  /** Directory of all databases, in memory where the system has such a place: a simulation is about no disk. */
  directory: string;
  /** The database that is copied. */
  file: string;
  client: KnownUser;
  foreman: KnownUser;
}

const GROUPS = { client: ['clients'], foreman: ['processors'] } as const satisfies Record<string, readonly Group[]>;

export async function makeTemplate(): Promise<Template> {
  const directory = await mkdtemp(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'kolejka-simulation-'));
  const known = async (name: keyof typeof GROUPS): Promise<KnownUser> => {
    const groups = GROUPS[name];
    const place = { data: directory, database: undefined };
    await addUser(place, { name, password: name, email: `${name}@example.org`, groups });
    const token = await createToken(place, { name });
    const store = await openStore(path.join(directory, 'kolejka.sqlite'));
    const id = (await store.read((db) => findUser(db, name)))?.id ?? 0;
    await store.close();
    return { id, name, permissions: permissionsOf(groups), quotaPending: null, token };
  };
  return {
    directory,
    client: await known('client'),
    foreman: await known('foreman'),
    file: path.join(directory, 'kolejka.sqlite'),
  };
}
