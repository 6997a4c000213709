/**
 * Notices that the server itself was away: it was stopped, its machine was suspended, its calendar was set. Meanwhile
 * it has heard nobody, which says nothing about the foremen: their heartbeats may lie in its sockets. So before any
 * lease is judged, every foreman gets the time of one lease to be heard of, as after a restart.
 */
import type { Clock, Log } from '@kolejka/program';
import type { Store } from '../database/store.ts';
import type { MESSAGES } from '../messages.ts';
import { forgiveAbsence } from './leases.ts';

/** Longest time between two looks, and most that two clocks may go apart between them, with nothing wrong. */
const USUAL_MS = 4000;

export interface Absence {
  /** To be asked every second. True from when an absence is noticed until it is made up for. */
  noticed(): boolean;
  madeUp(): void;
}

export function watchForAbsence(clock: Clock): Absence {
  const look = () => ({ calendar: clock.now(), monotonic: clock.monotonic() });
  let last = look();
  let isNoticed = false;
  return {
    noticed() {
      const now = look();
      const calendar = now.calendar - last.calendar;
      const monotonic = now.monotonic - last.monotonic;
      last = now;
      // A suspended machine may stop the monotonic clock, a stopped process stops none, `date -s` moves one.
      isNoticed ||= Math.max(calendar, monotonic, Math.abs(calendar - monotonic)) > USUAL_MS;
      return isNoticed;
    },
    madeUp: () => void (isNoticed = false),
  };
}

/** To be called before leases are judged; answers whether the server was away. */
export async function makeUpForAbsence(parts: {
  store: Store;
  clock: Clock;
  absence: Absence;
  log: Log<typeof MESSAGES>;
  leaseMs?: number;
}): Promise<boolean> {
  const { store, clock, absence, log, leaseMs } = parts;
  if (!absence.noticed()) return false;
  const count = await store.write((db) => forgiveAbsence(db, clock.now(), leaseMs));
  absence.madeUp();
  if (count > 0) log.say('leases extended', { count });
  return true;
}
