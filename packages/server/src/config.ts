/** The settings of the server: section `[server]` of kolejka.conf, environment, flags. */
import { homedir } from 'node:os';
import path from 'node:path';
import { parseString, type Settings } from '@kolejka/program';
import { GridError, parseBytes } from '@kolejka/protocol';

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
} as const satisfies Settings;

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
