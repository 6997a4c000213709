/** The settings of the server: section `[server]` of kolejka.conf, environment, flags. */
import { homedir } from 'node:os';
import path from 'node:path';
import { type CommonFlags, type ConfigOf, parseString, readConfig, type Settings } from '@kolejka/program';
import { GridError, parseBytes } from '@kolejka/protocol';
import { isPostgres } from './database/open.ts';

/**
 * Where the server keeps its things when nothing is said: /var/lib/kolejka/server for root, else the user's own data
 * directory. Not the working directory: `adduser` from another one would fill a second database.
 */
function usualData(): string {
  if (process.getuid?.() === 0) return '/var/lib/kolejka/server';
  return path.join(process.env['XDG_DATA_HOME'] || path.join(homedir(), '.local', 'share'), 'kolejka', 'server');
}

export const SETTINGS = {
  data: {
    parse: parseString,
    default: undefined,
    env: 'KOLEJKA_SERVER_DATA',
    about:
      'directory of the database and the blobs; /var/lib/kolejka/server for root, else ~/.local/share/kolejka/server',
  },
  database: {
    parse: parseDatabase,
    default: undefined,
    env: 'KOLEJKA_SERVER_DATABASE',
    secret: true,
    about:
      'postgres://user:password@host/name: keep everything but the blobs there, for several servers on one data directory; without it, an SQLite file in the data directory',
  },
  listen: {
    parse: parseAddress,
    default: { host: '127.0.0.1', port: 8000 },
    env: 'KOLEJKA_SERVER_LISTEN',
    about: 'address and port to listen on, 127.0.0.1:8000; port 0 takes a free one',
  },
  largest_blob: {
    parse: parseSize,
    default: 16 * 1024 ** 3,
    env: 'KOLEJKA_SERVER_LARGEST_BLOB',
    about: 'most bytes of one uploaded file, 16G',
  },
  largest_body: {
    parse: parseSize,
    default: 2 * 1024 ** 2,
    env: 'KOLEJKA_SERVER_LARGEST_BODY',
    about: 'most bytes of a task or a result as JSON, 2M',
  },
  allowed_callback_hosts: {
    parse: parseHosts,
    default: ['localhost', '127.0.0.1'] as string[],
    env: 'KOLEJKA_SERVER_ALLOWED_CALLBACK_HOSTS',
    about: 'hosts that callback_url of a task may name, separated by commas or lines; localhost, 127.0.0.1',
  },
  callback_user_agent: {
    parse: parseHeader,
    default: 'kolejka-server',
    env: 'KOLEJKA_SERVER_CALLBACK_USER_AGENT',
    about: 'what callbacks say as User-Agent, kolejka-server',
  },
} as const satisfies Settings;

/** The settings as the server works with them: what is not set is the default, the data directory is known. */
export type ServerSettings = Omit<ConfigOf<typeof SETTINGS>, 'data'> & { data: string };

/**
 * The settings from file, environment and flags.
 * @param flags values from the command line by the table's names
 * @throws GridError `bad-config` naming the setting
 */
export function readServerSettings(common: CommonFlags, flags: Record<string, unknown>): ServerSettings {
  const read = readConfig(SETTINGS, { section: 'server', chosen: common.config, file: common.configFile, flags });
  return { ...read, data: dataDirectory(read.data) };
}

export interface Address {
  host: string;
  port: number;
}

/**
 * A number of bytes, at least one.
 * @throws GridError `bad-value`
 */
function parseSize(text: unknown, field: string): number {
  const bytes = parseBytes(text, field);
  if (bytes > 0) return bytes;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not a size of one byte or more`, { field });
}

/**
 * Names of hosts, as a URL has them: lower case, an IPv6 address in brackets.
 * @throws GridError `bad-value`
 */
function parseHosts(text: unknown, field: string): string[] {
  return parseList(text, field).map((host) => {
    if (URL.canParse(`http://${host}`)) {
      const { hostname, port, pathname, username } = new URL(`http://${host}`);
      if (port === '' && pathname === '/' && username === '' && !/[/?#@]/.test(host)) return hostname;
    }
    throw new GridError('bad-value', `${field}: ${JSON.stringify(host)} is not a host such as localhost or [::1]`, {
      field,
    });
  });
}

/** A text that can stand in a header. @throws GridError `bad-value` */
function parseHeader(text: unknown, field: string): string {
  const value = parseString(text, field);
  if (/^[\x20-\x7e]{1,200}$/.test(value)) return value;
  throw new GridError('bad-value', `${field}: expected 1 to 200 visible characters`, { field });
}

/** A list, separated by commas or lines. */
function parseList(text: unknown, field: string): string[] {
  return parseString(text, field)
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** @throws GridError `bad-value` without the text, which may hold a password */
function parseDatabase(text: unknown, field: string): string {
  const address = parseString(text, field);
  if (isPostgres(address) && URL.canParse(address)) return address;
  throw new GridError('bad-value', `${field}: expected postgres://user:password@host/name`, { field });
}

/** The data directory: what was set, else the usual one. */
export function dataDirectory(data: string | undefined): string {
  return data ?? usualData();
}

/**
 * `ADDR:PORT`, `[IPv6]:PORT`, `:PORT` or `PORT`.
 * @throws GridError `bad-value`
 */
export function parseAddress(text: unknown, field: string): Address {
  const [, six, four, port = ''] = /^(?:\[([0-9a-fA-F:.]+)\]:|([^:[\]]*):)?(\d{1,5})$/.exec(String(text)) ?? [];
  if (port === '' || Number(port) > 65_535) {
    throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not an address such as 127.0.0.1:8000`, {
      field,
    });
  }
  return { host: six ?? (four === undefined || four === '' ? '127.0.0.1' : four), port: Number(port) };
}

/** As it stands in a URL. */
export function printAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
