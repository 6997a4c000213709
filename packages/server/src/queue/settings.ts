/** Settings about leases. */
import type { Settings } from '@kolejka/program';
import { GridError, LEASES, parseDuration } from '@kolejka/protocol';

/** Twice the longest time a server may be busy before it takes that for an absence, and five heartbeats. */
const SHORTEST_MS = 5000;

export const QUEUE_SETTINGS = {
  lease: {
    parse: parseLease,
    default: LEASES.renewedMs,
    env: 'KOLEJKA_SERVER_LEASE',
    about:
      'how long a foreman that is not heard of keeps its tasks, 30s: shorter brings the tasks of a dead node back sooner, and those of a slow network too; the same on all servers of one database',
  },
} as const satisfies Settings;

/** In milliseconds. @throws GridError `bad-value` */
function parseLease(text: unknown, field: string): number {
  const milliseconds = parseDuration(text, field);
  if (milliseconds >= SHORTEST_MS) return milliseconds;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not a time of 5 seconds or more`, { field });
}
