/** Settings of callbacks. The names of the first two are the original's. */
import type { Settings } from '@kolejka/program';
import { GridError, parseDuration } from '@kolejka/protocol';
import { parseHeader } from '../config-values.ts';
import { parseCallbackHosts } from './hosts.ts';

export const CALLBACK_SETTINGS = {
  allowed_callback_hosts: {
    parse: parseCallbackHosts,
    default: ['localhost', '127.0.0.1'] as string[],
    env: 'KOLEJKA_SERVER_ALLOWED_CALLBACK_HOSTS',
    about:
      'hosts that callback_url of a task may name: HOST, HOST:PORT or *.DOMAIN, separated by commas or lines, or none; localhost, 127.0.0.1',
  },
  callback_user_agent: {
    parse: parseHeader,
    default: 'kolejka-server',
    env: 'KOLEJKA_SERVER_CALLBACK_USER_AGENT',
    about: 'what callbacks say as User-Agent, kolejka-server',
  },
  callback_time: {
    parse: parseTime,
    default: 30_000,
    env: 'KOLEJKA_SERVER_CALLBACK_TIME',
    about: 'longest time of one try to call back, 30s; at most 10M (ten minutes)',
  },
} as const satisfies Settings;

/** In less nobody answers: `5m` are five milliseconds, as in the original. */
const SHORTEST_MS = 100;
const LONGEST_MS = 600_000;

function parseTime(text: unknown, field: string): number {
  const milliseconds = Math.ceil(parseDuration(text, field));
  if (milliseconds >= SHORTEST_MS && milliseconds <= LONGEST_MS) return milliseconds;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not a time from 100ms to 10M (ten minutes)`, {
    field,
  });
}
