/**
 * Foremen that wait for a task: a long poll sleeps here until a task that fits its offer comes into the queue.
 *
 * A bell is hung up before the queue is looked at, so that nothing that comes in between is missed.
 */
import type { Announcement } from '../database/events.ts';
import { findClass } from '../database/classes.ts';
import type { Connection, Store } from '../database/open.ts';
import { fitsOffer, type Offer } from './dequeue.ts';

export interface Bell {
  /** Resolves when it rings, or when the signal is aborted. */
  rung: (signal: AbortSignal) => Promise<void>;
  takeDown(): void;
}

export interface Waiting {
  hangBell(offer: Offer): Bell;
  /** Rings for tasks of this class; for those whose pause is over. */
  ring(db: Connection, taskClass: number): void;
}

interface Hung {
  offer: Offer;
  ring: () => void;
}

export function openWaiting(store: Store): Waiting {
  const bells = new Set<Hung>();

  function ring(db: Connection, id: number): void {
    if (bells.size === 0) return;
    const taskClass = findClass(db, id);
    if (taskClass === undefined) return;
    for (const bell of bells) if (fitsOffer(taskClass, bell.offer)) bell.ring();
  }

  store.onCommit((announced, db) => {
    for (const id of new Set(announced.filter(isReady).map((event) => event.class))) ring(db, id);
  });

  return {
    ring,
    hangBell(offer) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const hung = { offer, ring: resolve };
      bells.add(hung);
      return {
        async rung(signal) {
          if (signal.aborted) return;
          signal.addEventListener('abort', () => resolve(), { once: true });
          await promise;
        },
        takeDown: () => void bells.delete(hung),
      };
    },
  };
}

/** In the queue and not held back; those that are held back are rung for when their pause is over. */
function isReady({ state, notBeforeMs }: Announcement): boolean {
  return state === 'pending' && notBeforeMs === 0;
}
