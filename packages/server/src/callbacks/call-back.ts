/** One call that is owed: composed, sent, and what became of it written down. */
import type { Clock, Log } from '@kolejka/program';
import type { ServerSettings } from '../config.ts';
import { type OwedRow, putOff, settleCallback } from '../database/callbacks.ts';
import { appendEvent } from '../database/events.ts';
import type { Store } from '../database/store.ts';
import type { MESSAGES } from '../messages.ts';
import { nameInLog } from './hosts.ts';
import { composeMessage, type Message } from './message.ts';
import type { Outcome } from './send.ts';
import type { Sender } from './sender.ts';

export interface CallBack {
  store: Store;
  clock: Clock;
  log: Log<typeof MESSAGES>;
  settings: Pick<ServerSettings, 'allowed_callback_hosts' | 'callback_user_agent' | 'callback_time'>;
  sender: Sender;
  /** Pauses after tries that failed, in milliseconds; after one more try it is given up. */
  pausesMs: readonly number[];
  /** Ends the try; then the row is handed back. */
  stopping: AbortSignal;
}

/**
 * Tries once.
 * @returns whether the receiver heard; undefined when it was not tried to the end
 */
export async function callBack(parts: CallBack, taken: OwedRow): Promise<boolean | undefined> {
  const { store, clock, stopping } = parts;
  const message = await store.read((db) => composeMessage(db, taken.task));
  if (message === undefined) return undefined;
  try {
    const outcome = await tryOnce(parts, message);
    await writeDown(parts, taken, message, outcome);
    return outcome.kind === 'delivered';
  } catch (error) {
    if (!stopping.aborted) throw error;
    // A try that we cut off ourselves is not counted.
    await store.write((db) => putOff(db, taken, { due_ms: clock.now(), tries: taken.tries - 1 }));
    return undefined;
  }
}

async function tryOnce({ settings, sender, stopping }: CallBack, { url, body }: Message): Promise<Outcome> {
  if (!URL.canParse(url)) return { kind: 'refused', why: 'it is not an address' };
  const callback = {
    url: new URL(url),
    body,
    hosts: settings.allowed_callback_hosts,
    userAgent: settings.callback_user_agent,
    timeMs: settings.callback_time,
  };
  return await sender.send(callback, stopping);
}

async function writeDown(parts: CallBack, taken: OwedRow, message: Message, outcome: Outcome): Promise<void> {
  const { store, clock, log, pausesMs } = parts;
  const { task, url } = message;
  const now = clock.now();
  const to = URL.canParse(url) ? nameInLog(new URL(url)) : 'callback_url';
  const about = { task: task.id, to, tries: taken.tries };
  const pauseMs = pausesMs[taken.tries - 1];
  if (outcome.kind === 'later' && pauseMs !== undefined) {
    // Some chance, so that what failed together does not come back together.
    const pause = Math.round(Math.max(outcome.afterMs ?? 0, pauseMs * (1 + Math.random() / 4)));
    await store.write((db) => putOff(db, taken, { due_ms: now + pause, tries: taken.tries }));
    log.say('callback put off', { ...about, why: outcome.why, seconds: Math.ceil(pause / 1000) });
    return;
  }
  const isTold = outcome.kind === 'delivered';
  const why = isTold ? `answered ${outcome.status}` : outcome.why;
  const said = `${to}: ${why} (try ${taken.tries})`;
  await store.write(async (db) => {
    if (!(await settleCallback(db, taken))) return;
    await appendEvent(db, task, isTold ? 'called-back' : 'callback-failed', { now, foreman: null, message: said });
  });
  log.say(isTold ? 'called back' : 'callback failed', { ...about, why });
}
