/**
 * How many requests a user makes in a minute: a bucket for each user, which holds a minute's worth and fills up evenly.
 * So what was saved may be spent at once, and who spends all waits for the next one, not for the next minute.
 */
import type { Clock } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';

export interface Rates {
  /**
   * Counts a request of the user.
   * @param own requests a minute, where it is not what the settings say
   * @throws GridError `too-many-requests` when there were too many
   */
  count(user: number, own: number | null): void;
}

interface Bucket {
  left: number;
  at: number;
}

const MINUTE_MS = 60_000;

/** @param usual requests a minute; no limit without it */
export function openRates(usual: number | undefined, clock: Clock): Rates {
  // As many as there are users: nobody else gets here.
  const buckets = new Map<number, Bucket>();
  return {
    count(user, own) {
      const most = own ?? usual;
      if (most === undefined) return;
      const now = clock.monotonic();
      const { left, at } = buckets.get(user) ?? { left: most, at: now };
      const filled = Math.min(most, left + ((now - at) * most) / MINUTE_MS);
      if (filled < 1) {
        const retryAfterS = most === 0 ? MINUTE_MS / 1000 : ((1 - filled) * MINUTE_MS) / most / 1000;
        throw new GridError('too-many-requests', `More than ${most} requests in a minute.`, { retryAfterS });
      }
      buckets.set(user, { left: filled - 1, at: now });
    },
  };
}
