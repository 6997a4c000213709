/** Settings of a foreman: `[foreman]` of kolejka.conf, environment, flags. */
import { hostname } from 'node:os';
import { CLIENT_SETTINGS } from '@kolejka/client';
import {
  chooseSection,
  type CommonFlags,
  type ConfigOf,
  limitSettings,
  limitsIn,
  parseString,
  parseYesOrNo,
  readConfig,
} from '@kolejka/program';
import {
  ForemanName,
  GridError,
  type LimitName,
  type Limits,
  OBSERVER_SOCKET,
  parseBytes,
  parseCount,
  parseDuration,
  parseShape,
} from '@kolejka/protocol';
import path from 'node:path';
import { DEFAULT_TEMP } from '@kolejka/worker';

const { server, username, password, token } = CLIENT_SETTINGS;

/** Values of `[foreman]`; connection values that are not there are taken from `[client]`, as the original does. */
export const FOREMAN_SETTINGS = {
  server,
  username,
  password,
  token,
  name: {
    parse: (text: unknown, field: string) => parseShape(ForemanName, text, field),
    env: 'KOLEJKA_FOREMAN_NAME',
    about: 'name of this foreman, the same after a restart; the hostname when not given',
  },
  concurency: { parse: parseCount, default: 8, about: 'most tasks at one time' },
  interval: {
    parse: parseDuration,
    default: 10_000,
    about: 'seconds between questions to a server that does not wait for tasks itself, as one of the original',
  },
  tags: {
    parse: parseTags,
    default: [] as string[],
    about: 'tags of this node, separated by commas; beside those of the machine',
  },
  auto_tags: {
    parse: parseYesOrNo,
    default: true,
    about: 'add the tags of the machine: cpu, cpus, gpu, gpus, hostname, kernel',
  },
  pull: { parse: parseYesOrNo, default: false, about: 'pull images even when a local version is there' },
  temp: {
    parse: parseString,
    default: DEFAULT_TEMP,
    env: 'KOLEJKA_TEMP',
    about: 'directory for the directories of runs',
  },
  state: {
    parse: parseString,
    default: '/var/lib/kolejka/foreman',
    env: 'KOLEJKA_FOREMAN_STATE',
    about: 'directory for what must outlive a restart: results that the server does not have yet',
  },
  cache: {
    parse: parseBytes,
    default: 4 * 1024 ** 3,
    about: "most bytes of tasks' files that are kept below `state` for tasks to come; 0 keeps none",
  },
  observer: {
    parse: parseString,
    default: OBSERVER_SOCKET,
    env: 'KOLEJKA_OBSERVER_SOCKET',
    about: "the observer's socket",
  },
  ...limitSettings('budget', 'this node offers'),
} as const;

function parseTags(value: unknown, field: string): string[] {
  return parseString(value, field)
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

export type ForemanConfig = Omit<ConfigOf<typeof FOREMAN_SETTINGS>, LimitName | 'server' | 'name'> & {
  server: string;
  name: ForemanName;
  limits: Limits;
  /** Directory of this foreman's own below the one in the settings. */
  state: string;
};

/**
 * The foreman's configuration.
 * @throws GridError `bad-config` naming the value
 */
export function readForemanConfig(flags: CommonFlags, values: Record<string, unknown>): ForemanConfig {
  const config = readOwn(flags, values);
  const limits = limitsIn(config);
  if (config.concurency < 1)
    throw new GridError('bad-config', 'concurency: expected at least 1', { field: 'concurency' });
  if (config.interval < 100)
    throw new GridError('bad-config', 'interval: expected at least 0.1', { field: 'interval' });
  return {
    ...connectionOf(config, flags, values),
    ...placeOf(config),
    concurency: config.concurency,
    interval: config.interval,
    tags: config.tags,
    auto_tags: config.auto_tags,
    pull: config.pull,
    temp: config.temp,
    cache: config.cache,
    observer: config.observer,
    limits,
  };
}

/** The foreman that is meant, and where it keeps its state; no server is needed to know. @throws GridError `bad-config` */
export function readForemanPlace(flags: CommonFlags, values: Record<string, unknown>): ForemanPlace {
  return placeOf(readOwn(flags, values));
}

/** The section is always `[foreman]`: as in the original, --config names the one that says where the server is. */
function readOwn({ configFile }: CommonFlags, values: Record<string, unknown>): ConfigOf<typeof FOREMAN_SETTINGS> {
  return readConfig(FOREMAN_SETTINGS, { section: 'foreman', flags: values, file: configFile });
}

type ForemanPlace = Pick<ForemanConfig, 'name' | 'state'>;

function placeOf(config: { name: ForemanName | undefined; state: string }): ForemanPlace {
  const name =
    config.name ??
    ForemanName.parse(
      hostname()
        .replaceAll(/[^\w.-]/g, '-')
        .slice(0, 100),
    );
  return { name, state: path.join(config.state, name) };
}

const CONNECTION = ['server', 'username', 'password', 'token'] as const;
type Connection = Pick<ForemanConfig, (typeof CONNECTION)[number]>;

/**
 * What the foreman is not told about the server is taken from `[client]`; never a token beside a name, or the reverse. A
 * section that is chosen by --config says all, beside flags and environment.
 */
function connectionOf(
  told: Omit<Connection, 'server'> & { server: string | undefined },
  { config: chosen, configFile: file }: CommonFlags,
  values: Record<string, unknown>,
): Connection {
  const section = chooseSection(chosen, 'client', { file });
  const flags = chosen === undefined ? {} : Object.fromEntries(CONNECTION.map((name) => [name, values[name]]));
  const shared = readConfig(CLIENT_SETTINGS, { section, file, flags });
  const own = chosen === undefined ? told : shared;
  const address = own.server ?? shared.server;
  if (address === undefined) {
    throw new GridError(
      'bad-config',
      'No server is given: use --server, KOLEJKA_SERVER, or "server = ADDRESS" in the [foreman] section of kolejka.conf.',
      { field: 'server' },
    );
  }
  return {
    server: address,
    username: own.username ?? (own.token === undefined ? shared.username : undefined),
    password: own.password ?? shared.password,
    token: own.token ?? (own.username === undefined ? shared.token : undefined),
  };
}
