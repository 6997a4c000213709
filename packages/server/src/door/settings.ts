/** Settings of the server's door: TLS, proxies, connections, logins, metrics. */
import { isIP } from 'node:net';
import { parseString, type Settings } from '@kolejka/program';
import { GridError, parseCount } from '@kolejka/protocol';
import { parseList, parseWord } from '../config-values.ts';

export const DOOR_SETTINGS = {
  tls_cert: {
    parse: parseString,
    default: undefined,
    env: 'KOLEJKA_SERVER_TLS_CERT',
    about: 'file of the certificate and those between it and its root, PEM: with it the server speaks https',
  },
  tls_key: {
    parse: parseString,
    default: undefined,
    env: 'KOLEJKA_SERVER_TLS_KEY',
    about: 'file of the private key of tls_cert, PEM',
  },
  trusted_proxies: {
    parse: parseProxies,
    default: [] as string[],
    env: 'KOLEJKA_SERVER_TRUSTED_PROXIES',
    about:
      'addresses or networks (10.0.0.0/8) of proxies whose X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host and X-Request-Id are believed; none',
  },
  most_connections: {
    parse: parseAtLeastOne,
    default: 10_000,
    env: 'KOLEJKA_SERVER_MOST_CONNECTIONS',
    about: 'most connections at a time, 10000; more are closed at once',
  },
  login_attempts: {
    parse: parseAtLeastOne,
    default: 10,
    env: 'KOLEJKA_SERVER_LOGIN_ATTEMPTS',
    about: 'wrong passwords of one user from one address in five minutes, 10; then that address waits',
  },
  login_attempts_of_address: {
    parse: parseAtLeastOne,
    default: 100,
    env: 'KOLEJKA_SERVER_LOGIN_ATTEMPTS_OF_ADDRESS',
    about: 'wrong passwords of all users from one address in five minutes, 100; then that address waits',
  },
  metrics: {
    parse: parseWord('off', 'local', 'users', 'anyone'),
    default: 'local',
    env: 'KOLEJKA_SERVER_METRICS',
    about: 'who may read /metrics: off, local (programs on this machine), users (whoever is logged in), anyone; local',
  },
} as const satisfies Settings;

/**
 * Addresses and networks, as express takes them.
 * @throws GridError `bad-value`
 */
function parseProxies(text: unknown, field: string): string[] {
  return parseList(text, field).map((entry) => {
    const [address = '', bits, ...more] = entry.split('/');
    const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    const isNetwork = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
    if (most > 0 && isNetwork && more.length === 0) return entry;
    throw new GridError('bad-value', `${field}: ${JSON.stringify(entry)} is no address or network such as 10.0.0.0/8`, {
      field,
    });
  });
}

/** @throws GridError `bad-value` */
function parseAtLeastOne(text: unknown, field: string): number {
  const count = parseCount(text, field);
  if (count > 0) return count;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not a number of one or more`, { field });
}
