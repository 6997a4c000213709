/** What a client must know: where the server is, who it is there, and the ceilings its user sets on every task. */
import {
  chooseSection,
  type CommonFlags,
  type ConfigOf,
  limitSettings,
  limitsIn,
  parseString,
  readConfig,
} from '@kolejka/program';
import { GridError, type Limits } from '@kolejka/protocol';

/** Values of `[client]` in `kolejka.conf`; a foreman reads the same ones. */
export const CLIENT_SETTINGS = {
  server: {
    parse: parseServer,
    env: 'KOLEJKA_SERVER',
    about: 'address of the server; https:// where it has no scheme',
  },
  username: { parse: parseString, env: 'KOLEJKA_USERNAME', about: 'name of the user on the server' },
  password: { parse: parseString, env: 'KOLEJKA_PASSWORD', secret: true, about: 'password of the user' },
  token: {
    parse: parseToken,
    env: 'KOLEJKA_TOKEN',
    secret: true,
    about: 'token of the user, in place of name and password; not for servers of the original',
  },
  ...limitSettings('task', 'ceiling for every task'),
} as const;

export interface ClientConfig {
  server: string;
  username: string | undefined;
  password: string | undefined;
  token: string | undefined;
  limits: Limits;
}

/**
 * The client's configuration from flags, environment and file.
 * @param values given on the command line, by the names of the table
 * @throws GridError `bad-config`
 */
export function readClientConfig(
  flags: CommonFlags,
  values: Record<string, unknown>,
  env: NodeJS.ProcessEnv = process.env,
): ClientConfig {
  const section = chooseSection(flags.config, 'client', { file: flags.configFile, env });
  const config: ConfigOf<typeof CLIENT_SETTINGS> = readConfig(CLIENT_SETTINGS, {
    section,
    flags: values,
    env,
    file: flags.configFile,
  });
  if (config.server === undefined) {
    throw new GridError(
      'bad-config',
      'No server is given: use --server, KOLEJKA_SERVER, or "server = ADDRESS" in the [client] section of kolejka.conf.',
      { field: 'server' },
    );
  }
  const { server, username, password, token } = config;
  const limits = limitsIn(config);
  return { server, username, password, token, limits };
}

/** A token is sent as a header, which holds no line breaks. @throws GridError `bad-value` */
function parseToken(value: unknown, field: string): string {
  const text = parseString(value, field);
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new GridError('bad-value', `${field}: a token is letters and digits without spaces or line breaks`, { field });
}

/**
 * An address of a server, without its last slash; a path prefix is allowed.
 * @throws GridError `bad-value`
 */
export function parseServer(value: unknown, field: string): string {
  const text = parseString(value, field).trim();
  // As the original: without a scheme it is https, whatever the host is.
  const url = URL.parse(text.includes('://') ? text : `https://${text}`);
  const fit =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === '';
  if (fit && url.hostname !== '') return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  // The text is not shown: it may hold a password.
  throw new GridError(
    'bad-value',
    `${field}: expected an address such as "http://127.0.0.1:8000" or "grid.example/kolejka"`,
    {
      field,
    },
  );
}
