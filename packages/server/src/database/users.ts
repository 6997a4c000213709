/** Users: who they are and which groups they are in. */
import type { Group } from '@kolejka/protocol';
import type { Use } from './quotas.ts';
import type { Connection } from './store.ts';

export interface UserRow {
  id: number;
  name: string;
  email: string;
  /** Hash of the password, as `passwords.ts` writes it. */
  password: string;
  groups: Group[];
  /** Cannot log in, and no session or token stands for the user. */
  disabled: 0 | 1;
  /** Most tasks that wait to be run; null is what the settings say. */
  quota_pending: number | null;
  /** Most requests a minute; null is what the settings say. */
  rate_requests: number | null;
  /** Most bytes the user may keep; null is what the settings say. */
  quota_bytes: number | null;
  created_ms: number;
}

type Stored = Omit<UserRow, 'groups'> & { groups: string };

export const USER_COLUMNS = `users.id, users.name, users.email, users.password, users.groups, users.disabled,
  users.quota_pending, users.rate_requests, users.quota_bytes, users.created_ms`;

export async function findUser(db: Connection, name: string): Promise<UserRow | undefined> {
  return userFrom(await db.get<Stored>(`select ${USER_COLUMNS} from users where name = :name`, { name }));
}

/** All of them, by name, with how many bytes each keeps. */
export async function listUsers(db: Connection): Promise<(UserRow & Pick<Use, 'used_bytes'>)[]> {
  const rows = await db.all<Stored & Pick<Use, 'used_bytes'>>(
    `select ${USER_COLUMNS}, users.used_bytes from users order by name`,
  );
  return rows.map(parseGroups);
}

export interface NewUserRow {
  name: string;
  email: string;
  password: string;
  groups: Group[];
}

/** Adds a user; the name must be free. */
export async function insertUser(db: Connection, user: NewUserRow, now: number): Promise<void> {
  await db.run(
    `insert into users (name, email, password, groups, created_ms)
     values (:name, :email, :password, :groups, :now)`,
    { name: user.name, email: user.email, password: user.password, groups: JSON.stringify(user.groups), now },
  );
}

/** Changes what is given of a user. */
export async function changeUser(
  db: Connection,
  id: number,
  change: Partial<Pick<UserRow, 'password' | 'disabled' | 'quota_pending' | 'rate_requests' | 'quota_bytes'>>,
): Promise<void> {
  const given = Object.entries(change).filter(([, value]) => value !== undefined);
  if (given.length === 0) return;
  const sets = given.map(([column]) => `${column} = :${column}`).join(', ');
  await db.run(`update users set ${sets} where id = :id`, { id, ...Object.fromEntries(given) });
}

export function userFrom(row: Stored | undefined): UserRow | undefined {
  return row === undefined ? undefined : parseGroups(row);
}

function parseGroups<Row extends Stored>(row: Row): Omit<Row, 'groups'> & { groups: Group[] } {
  return { ...row, groups: JSON.parse(row.groups) as Group[] };
}
