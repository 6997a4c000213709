/**
 * Foremen that wait for a task: a long poll sleeps here until a task that fits its offer comes into the queue.
 *
 * A bell is hung up before the queue is looked at, so that nothing that comes in between is missed. One task rings one
 * bell, of those it fits the one that hangs longest, but one whose node has the image before others: a hundred idle
 * foremen do not all run for one task. Whoever was rung and takes something else, or goes away, passes the ring on.
 */
import type { ClassBook } from '../database/classes.ts';
import type { Follow, News } from '../database/follow.ts';
import { hasReady } from '../database/queues.ts';
import type { Store } from '../database/store.ts';
import { fitsOffer, hasImage, type Offer } from './dequeue.ts';

export interface Bell {
  /** To be called before each look at the queue: from now on it can be rung again. */
  arm(): void;
  /** Resolves when it rings. */
  rung(): Promise<void>;
  /**
   * To be called after each look.
   * @param taken classes of the tasks that were taken; for others that it was rung for before, another bell rings
   * @param isKept the foreman gets nothing, its room is kept: until the next look the bell is not rung for a task
   */
  looked(taken: readonly number[], isKept?: boolean): void;
  /** The same foreman has asked anew; the bell has rung for that. */
  isOutdated(): boolean;
  takeDown(): void;
}

export interface Waiting {
  /** Hangs a bell; that of an older question of the same foreman rings. Foremen without a name are not told apart. */
  hangBell(offer: Offer): Bell;
  /** Rings for `count` tasks of this class. */
  ring(taskClass: number, count: number): Promise<void>;
  /** How many bells hang. */
  size(): number;
}

interface Hung {
  offer: Offer;
  /** Classes it was rung for since it was armed. */
  rungFor: Set<number>;
  ring: () => void;
  isOutdated: boolean;
  isKept: boolean;
}

export function openWaiting(parts: { store: Store; follow: Follow; classes: ClassBook }): Waiting {
  const { store, follow, classes } = parts;
  // In the order they were hung up.
  const bells = new Set<Hung>();
  /** The newest of each foreman. */
  const newest = new Map<string, Hung>();

  async function ring(id: number, count: number, notTo?: Hung): Promise<void> {
    if (bells.size === 0) return;
    const page = classes.open();
    const taskClass = await store.read((db) => page.find(db, id));
    page.keep();
    const free = [...bells].filter((bell) => bell !== notTo && isWaiting(bell) && fitsOffer(taskClass, bell.offer));
    const isThere = (bell: Hung) => hasImage(taskClass, bell.offer);
    const inOrder = [...free.filter(isThere), ...free.filter((bell) => !isThere(bell))];
    for (const bell of inOrder.slice(0, count)) {
      bell.rungFor.add(id);
      bell.ring();
    }
  }

  async function passOn(ids: readonly number[], from: Hung): Promise<void> {
    for (const id of ids) if (await store.read((db) => hasReady(db, id))) await ring(id, 1, from);
  }

  /** When it cannot be said whom a task fits, everybody looks. */
  function ringAll(): void {
    for (const bell of bells) bell.ring();
  }

  function outdateOlder(hung: Hung): void {
    const name = nameOf(hung.offer);
    if (name === undefined) return;
    const older = newest.get(name);
    newest.set(name, hung);
    if (older === undefined) return;
    older.isOutdated = true;
    older.ring();
  }

  function takeDown(hung: Hung): void {
    bells.delete(hung);
    const name = nameOf(hung.offer);
    if (name !== undefined && newest.get(name) === hung) newest.delete(name);
  }

  follow.hear((news) => {
    for (const [id, count] of countPerClass(news.filter(isReady))) void ring(id, count).catch(ringAll);
  });

  return {
    ring,
    size: () => bells.size,
    hangBell(offer) {
      let coming = Promise.withResolvers<void>();
      let owed: Set<number> = new Set();
      const hung: Hung = {
        offer,
        rungFor: new Set(),
        ring: () => coming.resolve(),
        isOutdated: false,
        isKept: false,
      };
      const settle = (ids: Set<number>, taken: readonly number[]) => {
        const left = [...ids].filter((id) => !taken.includes(id));
        if (left.length > 0) void passOn(left, hung).catch(ringAll);
      };
      bells.add(hung);
      outdateOlder(hung);
      return {
        arm() {
          owed = hung.rungFor;
          hung.rungFor = new Set();
          coming = Promise.withResolvers();
        },
        rung: () => coming.promise,
        looked(taken, isKept = false) {
          hung.isKept = isKept;
          settle(owed, taken);
          owed = new Set();
        },
        isOutdated: () => hung.isOutdated,
        takeDown() {
          takeDown(hung);
          settle(new Set([...owed, ...hung.rungFor]), []);
        },
      };
    },
  };
}

/** One that was rung already has something to look for. */
function isWaiting({ rungFor, isOutdated, isKept }: Hung): boolean {
  return rungFor.size === 0 && !isOutdated && !isKept;
}

/** Who asks, or undefined for a foreman of the original. */
function nameOf({ holder, foreman }: Offer): string | undefined {
  return foreman === undefined ? undefined : `${holder} ${foreman}`;
}

function countPerClass(news: readonly News[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { class: id } of news) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

/** In the queue and not held back; those that are held back are rung for when their pause is over. */
function isReady({ state, notBeforeMs }: News): boolean {
  return state === 'pending' && notBeforeMs === 0;
}
