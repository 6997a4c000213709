/**
 * Sends the callbacks that are owed, each at least once: what is owed is in the database (`database/callbacks.ts`)
 * before the result is acknowledged, and goes from there only with an event that says what became of it.
 *
 * A server takes a row by putting it off for as long as a try can last. Of several servers one gets it; when that one
 * dies, the row comes due again and any of them takes it.
 */
import { keptWithin, runLoop } from '@kolejka/program';
import { endsTask } from '@kolejka/protocol';
import { dueOfHost, hostsDue, nextDue, type OwedRow, takeCallback } from '../database/callbacks.ts';
import type { Follow } from '../database/follow.ts';
import { callBack, type CallBack } from './call-back.ts';
import { type Leave, openPlaces } from './places.ts';
import { openSender } from './sender.ts';

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
/** Between two looks when there was too much for one: others are let in. */
const BREATH_MS = 1;

/** Runs until `stopping` is aborted and everything under way is handed back. Never rejects. */
export async function deliverCallbacks(
  parts: CallbackParts,
  { pausesMs = PAUSES_MS }: { pausesMs?: readonly number[] } = {},
): Promise<void> {
  const { store, clock, log, settings, stopping } = parts;
  const sender = openSender();
  const places = openPlaces();
  const underWay = new Set<Promise<void>>();
  const bell = hangBell(parts);

  /** Where to look on when there was too much for one look. */
  let from: string | undefined;

  async function pass(): Promise<number | void> {
    const rung = bell.hang();
    const now = clock.now();
    await take(now);
    if (from !== undefined && places.left() > 0) return BREATH_MS;
    // Not what is due by now: what came due while we took others would be passed over.
    const next = await store.read((db) => nextDue(db, now));
    await rung(Math.min(LOOK_MS, Math.max(1, (next ?? Infinity) - clock.now())));
  }

  /** Takes as many as there are places for, the longest due first, and calls them. */
  async function take(now: number): Promise<void> {
    const due: { row: OwedRow; leave: Leave }[] = [];
    try {
      await store.read(async (db) => {
        const { hosts, next } = await hostsDue(db, now, from);
        from = next;
        for (const host of hosts) {
          const most = places.free(host);
          if (most === 0) continue;
          for (const row of await dueOfHost(db, host, now, most)) due.push({ row, leave: places.enter(host) });
        }
      });
      const taken = due.length === 0 ? [] : await takeAll(due.map(({ row }) => row));
      // Others were quicker with those that are undefined.
      for (const mine of taken) {
        const leave = due.shift()?.leave as Leave;
        if (mine === undefined) leave();
        else begin(mine, leave);
      }
    } catch (error) {
      for (const { leave } of due) leave();
      throw error;
    }
  }

  async function takeAll(rows: readonly OwedRow[]): Promise<(OwedRow | undefined)[]> {
    const untilMs = clock.now() + settings.callback_time * PATIENCE;
    return await store.write(async (db) => {
      const taken: (OwedRow | undefined)[] = [];
      for (const row of rows) taken.push(await takeCallback(db, row, untilMs));
      return taken;
    });
  }

  function begin(taken: OwedRow, leave: Leave): void {
    const call = run(taken, leave);
    underWay.add(call);
    void call.finally(() => underWay.delete(call));
  }

  async function run(taken: OwedRow, leave: Leave): Promise<void> {
    const began = clock.monotonic();
    let went: 'well' | 'ill' | undefined;
    try {
      const isHeard = await callBack({ store, clock, log, settings, sender, pausesMs, stopping }, taken);
      if (isHeard !== undefined) went = isHeard && clock.monotonic() - began <= SLOW_MS ? 'well' : 'ill';
    } catch (error) {
      // The row is still there and comes due again.
      log.say('callbacks stuck', { error });
    }
    leave(went);
    bell.ring();
  }

  await runLoop({ pass, signal: stopping, clock, failed: (error) => log.say('callbacks stuck', { error }) });
  bell.takeDown();
  await Promise.all(underWay);
  await sender.close();
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
      return (mostMs: number) => keptWithin(promise, mostMs, clock, stopping);
    },
  };
}
