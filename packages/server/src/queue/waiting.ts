/**
 * Foremen that wait for a task: a long poll sleeps here until a task that fits its offer comes into the queue.
 *
 * A bell is hung up before the queue is looked at, so that nothing that comes in between is missed.
 */
import { findClass } from '../database/classes.ts';
import type { Follow, News } from '../database/follow.ts';
import type { Store } from '../database/store.ts';
import { fitsOffer, type Offer } from './dequeue.ts';

export interface Bell {
  /** Resolves when it rings, or when the signal is aborted. */
  rung: (signal: AbortSignal) => Promise<void>;
  takeDown(): void;
}

export interface Waiting {
  hangBell(offer: Offer): Bell;
  /** Rings for tasks of this class; for those whose pause is over. */
  ring(taskClass: number): Promise<void>;
}

interface Hung {
  offer: Offer;
  ring: () => void;
}

export function openWaiting({ store, follow }: { store: Store; follow: Follow }): Waiting {
  const bells = new Set<Hung>();

  async function ring(id: number): Promise<void> {
    if (bells.size === 0) return;
    const taskClass = await store.read((db) => findClass(db, id));
    if (taskClass === undefined) return;
    for (const bell of bells) if (fitsOffer(taskClass, bell.offer)) bell.ring();
  }

  function ringAll(): void {
    for (const bell of bells) bell.ring();
  }

  follow.hear((news) => {
    for (const id of new Set(news.filter(isReady).map((event) => event.class))) void ring(id).catch(ringAll);
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
function isReady({ state, notBeforeMs }: News): boolean {
  return state === 'pending' && notBeforeMs === 0;
}
