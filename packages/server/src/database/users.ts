/** Users: who they are and which groups they are in. */
import type { Group } from '@kolejka/protocol';
import type { Connection } from './store.ts';

export interface UserRow {
  id: number;
  name: string;
  email: string;
  /** Hash of the password, as `passwords.ts` writes it. */
  password: string;
  groups: Group[];
}

type Stored = Omit<UserRow, 'groups'> & { groups: string };

export const USER_COLUMNS = 'users.id, users.name, users.email, users.password, users.groups';

export async function findUser(db: Connection, name: string): Promise<UserRow | undefined> {
  return userFrom(await db.get<Stored>(`select ${USER_COLUMNS} from users where name = :name`, { name }));
}

/** Adds a user; the name must be free. */
export async function insertUser(db: Connection, user: Omit<UserRow, 'id'>, now: number): Promise<void> {
  await db.run(
    `insert into users (name, email, password, groups, created_ms)
     values (:name, :email, :password, :groups, :now)`,
    { name: user.name, email: user.email, password: user.password, groups: JSON.stringify(user.groups), now },
  );
}

export function userFrom(row: Stored | undefined): UserRow | undefined {
  return row === undefined ? undefined : { ...row, groups: JSON.parse(row.groups) as Group[] };
}
