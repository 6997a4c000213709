/** Dequeue with patience: what fits now, or what comes to fit while the foreman waits. */
import { type Clock, keptWithin } from '@kolejka/program';
import type { ClassBook } from '../database/classes.ts';
import { noteForeman } from '../database/foremen.ts';
import type { Connection, Store } from '../database/store.ts';
import { findTask } from '../database/tasks.ts';
import { type Offer, type Taken, takeTasks } from './dequeue.ts';
import { giveBack } from './leases.ts';
import type { Seen } from './seen.ts';
import type { Waiting } from './waiting.ts';

export interface Queue {
  store: Store;
  clock: Clock;
  classes: ClassBook;
  seen: Seen;
  waiting: Waiting;
}

/** A foreman whose room is kept is woken for nothing; so often it looks whether somebody else has taken the task. */
const KEPT_LOOK_MS = 5000;

type RequireRight = (db: Connection) => Promise<void>;

/**
 * Takes tasks for the offer, waiting up to `waitMs` for the first, or until the same foreman asks anew.
 * @param signal aborted when the foreman goes away: then nothing is assigned to it, and what was goes back
 * @param requireRight throws when the foreman may take tasks no more, which can change while it waits
 */
export async function dequeue(
  queue: Queue,
  offer: Offer,
  waitMs: number,
  signal: AbortSignal,
  requireRight: RequireRight = async () => undefined,
): Promise<Taken[]> {
  const { clock, waiting } = queue;
  const until = clock.monotonic() + waitMs;
  const bell = waiting.hangBell(offer);
  try {
    while (offer.most > 0 && !signal.aborted && !bell.isOutdated()) {
      bell.arm();
      const { taken, isKept } = await takeNow(queue, offer, signal, requireRight);
      bell.looked(
        taken.map((task) => task.class),
        isKept,
      );
      const left = until - clock.monotonic();
      if (taken.length > 0 || left <= 0 || bell.isOutdated()) return taken;
      await keptWithin(bell.rung(), isKept ? Math.min(left, KEPT_LOOK_MS) : left, clock, signal);
    }
    return [];
  } finally {
    bell.takeDown();
  }
}

/** What there is now, and whether there was more that is kept from this foreman. */
async function takeNow(
  queue: Queue,
  offer: Offer,
  signal: AbortSignal,
  requireRight: RequireRight,
): Promise<{ taken: Taken[]; isKept: boolean }> {
  const { store, clock, classes, seen } = queue;
  const page = classes.open();
  let isKept = false;
  const taken = await store.write(async (db) => {
    if (signal.aborted) return [];
    await requireRight(db);
    const now = clock.now();
    if (seen.offers(offer, now)) await noteForeman(db, offer, offer, now);
    return takeTasks(db, page, offer, now, () => (isKept = true));
  });
  page.keep();
  if (!signal.aborted) return { taken, isKept };
  await giveAllBack(queue, taken);
  return { taken: [], isKept };
}

/** The foreman went away while its tasks were being written down: it has not heard of them. */
async function giveAllBack({ store, clock }: Queue, taken: readonly Taken[]): Promise<void> {
  if (taken.length === 0) return;
  await store.write(async (db) => {
    for (const { id, attempt } of taken) {
      const row = await findTask(db, id);
      if (row?.state === 'assigned' && row.attempt === attempt) {
        await giveBack(db, row, clock.now(), { message: 'the foreman went away before it heard of the task' });
      }
    }
  });
}
