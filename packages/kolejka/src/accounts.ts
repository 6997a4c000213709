/** The users of a one-machine grid, and the configuration file that lets them in. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createToken, ensureUser } from '@kolejka/server/accounts';
import ini from 'ini';

/** Both users of the grid: the section of kolejka.conf is called as the user. */
const USERS = { client: 'clients', foreman: 'processors' } as const;

const LABEL = 'kolejka up';

/**
 * Makes the users `client` and `foreman` unless an earlier start has, and writes `kolejka.conf` for this address.
 *
 * The client has a password, so that programs of the original can log in too; the foreman gets a new token each time.
 * @param data data directory of the server, which may be running
 * @returns path of the file, readable by its owner only
 */
export async function prepareAccounts(data: string, server: string, directory: string): Promise<string> {
  const file = path.join(directory, 'kolejka.conf');
  const known = ini.parse(await readFile(file, 'utf8').catch(() => '')) as { client?: { password?: string } };
  const password = known.client?.password ?? newSecret();
  const isNew = await ensureUser(data, { name: 'client', password, email: 'client@localhost', groups: [USERS.client] });
  await ensureUser(data, {
    name: 'foreman',
    password: newSecret(),
    email: 'foreman@localhost',
    groups: [USERS.foreman],
  });
  // The file is gone but the user is not: its password is known to nobody, so a token takes its place.
  const lost = !isNew && known.client?.password === undefined;
  const client = lost ? { server, token: await token(data, 'client') } : { server, username: 'client', password };
  const sections = { client, foreman: { server, token: await token(data, 'foreman') } };
  await writeFile(file, ini.stringify(sections, { whitespace: true }), { mode: 0o600 });
  return file;
}

const token = (data: string, name: keyof typeof USERS) => createToken(data, { name, label: LABEL, replace: true });

const newSecret = () => randomBytes(18).toString('base64url');
