/** The settings of the server: section `[server]` of kolejka.conf, environment, flags. */
import { homedir } from 'node:os';
import path from 'node:path';
import { type CommonFlags, type ConfigOf, parseString, readConfig, type Settings } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import { parseAddress, printAddress } from './address.ts';
import { CALLBACK_SETTINGS } from './callbacks/settings.ts';
import { BLOB_SETTINGS } from './blobs/settings.ts';
import { CEILING_SETTINGS } from './ceilings.ts';
import { parseSize } from './config-values.ts';
import { isPostgres } from './database/open.ts';
import { DOOR_SETTINGS } from './door/settings.ts';
import { IMAGE_SETTINGS } from './images/settings.ts';
import { QUEUE_SETTINGS } from './queue/settings.ts';
import { SENDFILE_SETTINGS } from './sendfile.ts';
import { USER_SETTINGS } from './users/settings.ts';

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
    print: printAddress,
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
  ...CALLBACK_SETTINGS,
  ...DOOR_SETTINGS,
  ...BLOB_SETTINGS,
  ...USER_SETTINGS,
  ...QUEUE_SETTINGS,
  ...SENDFILE_SETTINGS,
  ...IMAGE_SETTINGS,
  ...CEILING_SETTINGS,
} as const satisfies Settings;

/** The settings as the server works with them: what is not set is the default, the data directory is known. */
export type ServerSettings = Omit<ConfigOf<typeof SETTINGS>, 'data'> & { data: string };

/**
 * The settings from file, environment and flags.
 * @param flags values from the command line by the table's names
 * @throws GridError `bad-config` naming the setting
 */
export function readServerSettings(common: CommonFlags, flags: Record<string, unknown>): ServerSettings {
  const read = readConfig(SETTINGS, {
    section: 'server',
    chosen: common.config,
    file: common.configFile,
    flags,
    called: { listen: 'ADDR:PORT' },
    envPrefix: 'KOLEJKA_SERVER_',
  });
  const settings = { ...read, data: dataDirectory(read.data) };
  refuseContradictions(settings);
  return settings;
}

/** @throws GridError `bad-config` for settings of which one is of no use without the other */
function refuseContradictions(settings: ServerSettings): void {
  for (const [name, needed] of NEEDED) {
    if (settings[name] === undefined || settings[needed] !== undefined) continue;
    throw new GridError('bad-config', `${name}: of no use without ${needed}`, { field: name });
  }
  if (settings.sendfile_root !== undefined && settings.sendfile === 'off') {
    throw new GridError('bad-config', 'sendfile_root: of no use while sendfile is off', { field: 'sendfile_root' });
  }
}

const NEEDED = [
  ['tls_cert', 'tls_key'],
  ['tls_key', 'tls_cert'],
  ['image_registry_username', 'image_registry'],
  ['image_registry_username', 'image_registry_password'],
  ['image_registry_password', 'image_registry_username'],
] as const satisfies [keyof ServerSettings, keyof ServerSettings][];

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
