/** Settings about what is kept: quotas and garbage. All of it is off until it is set. */
import type { Settings } from '@kolejka/program';
import { GridError, parseDuration } from '@kolejka/protocol';
import { parseSize } from '../config-values.ts';

const HOUR_MS = 3_600_000;

export const BLOB_SETTINGS = {
  quota_bytes: {
    parse: parseSize,
    default: undefined,
    env: 'KOLEJKA_SERVER_QUOTA_BYTES',
    about: 'most bytes a user may keep, 10G; each blob counts once for a user; no limit when it is not set',
  },
  gc_interval: {
    parse: parseInterval,
    default: undefined,
    env: 'KOLEJKA_SERVER_GC_INTERVAL',
    about:
      'how often the server collects blobs without references, 1H; never when it is not set: then kolejka-server gc does',
  },
  blob_grace: {
    parse: parseInterval,
    default: 24 * HOUR_MS,
    env: 'KOLEJKA_SERVER_BLOB_GRACE',
    about: 'how long a blob without references is kept at least, 1D',
  },
} as const satisfies Settings;

/**
 * A time in milliseconds, at least one second.
 * @throws GridError `bad-value`
 */
function parseInterval(text: unknown, field: string): number {
  const milliseconds = parseDuration(text, field);
  if (milliseconds >= 1000) return milliseconds;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not a time of a second or more`, { field });
}
