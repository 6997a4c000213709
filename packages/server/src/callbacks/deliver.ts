/**
 * Sends the callbacks that are owed, each at least once: what is owed is in the database (`database/callbacks.ts`)
 * before the result is acknowledged, and goes from there only with an event that says what became of it.
 *
 * A server takes a row by putting it off for as long as a try can last. Of several servers one gets it; when that one
 * dies, the row comes due again and any of them takes it.
 */
import { runLoop } from '@kolejka/program';
import { endsTask } from '@kolejka/protocol';
import { dueOfHost, hostsDue, nextDue, type OwedRow, takeCallback } from '../database/callbacks.ts';
import type { Follow } from '../database/follow.ts';
import { callBack, type CallBack } from './call-back.ts';
import { openPlaces } from './places.ts';
import { openCallbackConnections } from './send.ts';

export type CallbackParts = Pick<CallBack, 'store' | 'clock' | 'log' | 'settings' | 'stopping'> & { follow: Follow };

/** 1 s, 5 s, 30 s, 2 min, 10 min, 30 min, 90 min: eight tries within two and a half hours. */
const PAUSES_MS = [1000, 5000, 30_000, 120_000, 600_000, 1_800_000, 5_400_000] as const;
/** A taken row comes due again after so many times the longest possible try. */
const PATIENCE = 2;
/** Ended tasks are gathered for so long: a thousand that end in a second are few looks into the database. */
const GATHER_MS = 20;
/** So often it is looked what is owed though nobody told of it: other servers and commands write too. */
const LOOK_MS = 10_000;
/** A receiver that takes longer is treated like one that fails. */
const SLOW_MS = 5000;

/** Runs until `stopping` is aborted and everything under way is handed back. Never rejects. */
export async function deliverCallbacks(
  parts: CallbackParts,
  { pausesMs = PAUSES_MS }: { pausesMs?: readonly number[] } = {},
): Promise<void> {
  const { store, clock, log, settings, stopping } = parts;
  const connections = openCallbackConnections();
  const places = openPlaces();
  const underWay = new Set<Promise<void>>();
  const bell = hangBell(parts);

  async function pass(): Promise<number | void> {
    const rung = bell.hang();
    for (const taken of await take()) {
      const call = run(taken);
      underWay.add(call);
      void call.finally(() => {
        underWay.delete(call);
        bell.ring();
      });
    }
    const next = await store.read((db) => nextDue(db, clock.now()));
    await rung(Math.min(LOOK_MS, Math.max(1, (next ?? Infinity) - clock.now())));
  }

  /** As many as there are places for, the longest due first. */
  async function take(): Promise<OwedRow[]> {
    const now = clock.now();
    const due: OwedRow[] = [];
    await store.read(async (db) => {
      for (const host of await hostsDue(db, now)) {
        const most = Math.min(places.free(host), places.left() - due.length);
        if (most > 0) due.push(...(await dueOfHost(db, host, now, most)));
      }
    });
    if (due.length === 0) return [];
    const untilMs = now + settings.callback_time * PATIENCE;
    return await store.write(async (db) => {
      const taken: OwedRow[] = [];
      for (const row of due) {
        const mine = await takeCallback(db, row, untilMs);
        if (mine !== undefined) taken.push(mine);
      }
      return taken;
    });
  }

  async function run(taken: OwedRow): Promise<void> {
    places.enter(taken.host);
    const began = clock.monotonic();
    let isHeard = false;
    try {
      isHeard = await callBack({ store, clock, log, settings, connections, pausesMs, stopping }, taken);
    } catch (error) {
      // The row is still there and comes due again.
      log.say('callbacks stuck', { error });
    } finally {
      places.leave(taken.host, !isHeard || clock.monotonic() - began > SLOW_MS);
    }
  }

  await runLoop({ pass, signal: stopping, clock, failed: (error) => log.say('callbacks stuck', { error }) });
  bell.takeDown();
  await Promise.all(underWay);
  await connections.destroy();
}

/** Wakes the loop: a task has ended somewhere, or there is a place free. */
function hangBell({ follow, clock, stopping }: Pick<CallbackParts, 'follow' | 'clock' | 'stopping'>) {
  let bell = Promise.withResolvers<void>();
  let gathering = false;
  const ring = () => bell.resolve();

  async function gather(): Promise<void> {
    gathering = true;
    await clock.sleep(GATHER_MS, stopping).catch(() => undefined);
    gathering = false;
    ring();
  }
  const takeDown = follow.hear((news) => {
    if (!gathering && news.some(({ event }) => endsTask(event))) void gather();
  });

  return {
    ring,
    takeDown,
    /** Hung before the database is looked at, so that nothing that comes in between is missed. */
    hang() {
      bell = Promise.withResolvers();
      const { promise } = bell;
      return async (mostMs: number) => {
        const over = new AbortController();
        const asleep = clock.sleep(mostMs, AbortSignal.any([stopping, over.signal])).catch(() => undefined);
        await Promise.race([promise, asleep]);
        over.abort();
        await asleep;
      };
    },
  };
}
