/** The users of a one-machine grid, and the configuration file that lets them in. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseConfFile } from '@kolejka/program';
import { createToken, ensureUser } from '@kolejka/server/accounts';
import { printConfValues, setConfValues } from './conf-text.ts';

/** Both users of the grid: the section of kolejka.conf is called as the user. */
const USERS = { client: 'clients', foreman: 'processors' } as const;

/** What of a section is ours to write; the rest is its owner's, such as limits of the foreman. */
const NOTHING = { server: undefined, username: undefined, password: undefined, token: undefined };

const LABEL = 'kolejka up';

/**
 * Makes the users `client` and `foreman` unless an earlier start has, and writes them into `kolejka.conf` for this
 * address. Whatever else stands in that file stays there.
 *
 * The client has a password, so that programs of the original can log in too; the foreman gets a new token each time.
 * @param data data directory of the server, which may be running
 * @returns path of the file, readable by its owner only
 * @throws GridError `bad-config` when the file is there and cannot be understood
 */
export async function prepareAccounts(data: string, server: string, directory: string): Promise<string> {
  const file = path.join(directory, 'kolejka.conf');
  const text = await readFile(file, 'utf8').catch(ifMissing);
  const known = parseConfFile(text, file).get('client')?.get('password') || undefined;
  const password = known ?? newSecret();
  const isNew = await ensureUser(
    { data },
    { name: 'client', password, email: 'client@localhost', groups: [USERS.client] },
  );
  await ensureUser(
    { data },
    {
      name: 'foreman',
      password: newSecret(),
      email: 'foreman@localhost',
      groups: [USERS.foreman],
    },
  );
  // The file is gone but the user is not: its password is known to nobody, so a token takes its place.
  const isLost = !isNew && known === undefined;
  const client = isLost ? { token: await token(data, 'client') } : { username: 'client', password };
  const foreman = { token: await token(data, 'foreman') };
  const withClient = setConfValues(text, 'client', { ...NOTHING, server, ...client });
  await writeFile(file, setConfValues(withClient, 'foreman', { ...NOTHING, server, ...foreman }), { mode: 0o600 });
  return file;
}

/** The lines by which clients on other machines get in, from the file of `prepareAccounts`. */
export async function printClient(file: string): Promise<string[]> {
  const section = parseConfFile(await readFile(file, 'utf8'), file).get('client');
  const values = Object.keys(NOTHING).map((name) => [name, section?.get(name)] as const);
  return ['[client]', ...printConfValues(Object.fromEntries(values))];
}

function ifMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

const token = (data: string, name: keyof typeof USERS) => createToken({ data }, { name, label: LABEL, replace: true });

const newSecret = () => randomBytes(18).toString('base64url');
