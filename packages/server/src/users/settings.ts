/** Settings about how much one user may ask for, and for how long it is kept. All of it is off until it is set. */
import type { Settings } from '@kolejka/program';
import { GridError, parseCount, parseDuration } from '@kolejka/protocol';

export const USER_SETTINGS = {
  quota_pending: {
    parse: parseAtLeastOne,
    default: undefined,
    env: 'KOLEJKA_SERVER_QUOTA_PENDING',
    about: 'most tasks of a user that wait to be run; no limit when it is not set',
  },
  rate_requests: {
    parse: parseAtLeastOne,
    default: undefined,
    env: 'KOLEJKA_SERVER_RATE_REQUESTS',
    about: 'most requests of a user in a minute, of each server process; no limit when it is not set',
  },
  keep_results: {
    parse: parseTime,
    default: undefined,
    env: 'KOLEJKA_SERVER_KEEP_RESULTS',
    about:
      'how long a task that has ended is kept, with its result and events, 30D: then they are removed, and references that only it named are given up; for ever when it is not set',
  },
} as const satisfies Settings;

/** @throws GridError `bad-value` */
function parseAtLeastOne(text: unknown, field: string): number {
  const count = parseCount(text, field);
  if (count >= 1) return count;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is less than 1`, { field });
}

/** In milliseconds. @throws GridError `bad-value` */
function parseTime(text: unknown, field: string): number {
  const milliseconds = parseDuration(text, field);
  if (milliseconds >= 1000) return milliseconds;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not a time of a second or more`, { field });
}
