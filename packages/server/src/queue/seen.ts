/**
 * Which foremen are to be written down, and when: what a foreman offers changes with every task it takes, and writing
 * that down each time would cost as much as the tasks. So now and then, and for one that is new at once.
 */
import type { ForemanName } from '@kolejka/protocol';

/** Shortest time between two notes of what one foreman offers. */
const OFFER_MS = 10_000;
/** Shortest time between two notes that it lives. */
const ALIVE_MS = 60_000;

interface From {
  holder: number;
  foreman: ForemanName | undefined;
}

export interface Seen {
  /** True when what the foreman offers is to be noted now; it is then taken as noted. */
  offers(from: From, now: number): boolean;
  /** True when it is to be noted now that the foreman lives. */
  lives(from: From, now: number): boolean;
}

/** So many foremen at once are many more than any grid has. */
const MOST_KNOWN = 20_000;

export function openSeen(): Seen {
  const noted = new Map<string, number>();
  const isDue = (from: From, now: number, after: number) => {
    const key = `${from.holder} ${from.foreman ?? ''}`;
    const last = noted.get(key);
    if (last !== undefined && Math.abs(now - last) < after) return false;
    if (noted.size >= MOST_KNOWN) noted.clear();
    noted.set(key, now);
    return true;
  };
  return {
    offers: (from, now) => isDue(from, now, OFFER_MS),
    lives: (from, now) => isDue(from, now, ALIVE_MS),
  };
}
