/**
 * Events as a server-sent stream, past ones first, then live: of one task, until a final one; of a user, or of all,
 * without end.
 *
 * Nothing is queued for a reader. What is kept is how far it has read; whenever it can take more, the next events are
 * read from the log. So a slow reader costs no memory, and resuming by number is the same as reading on.
 */
import { once } from 'node:events';
import { keptWithin } from '@kolejka/program';
import { FINAL_STATES, isAtEnd, type TaskEvent } from '@kolejka/protocol';
import type { Response } from 'express';
import { eventsAfter, type Of } from './database/events.ts';
import type { Follow, News } from './database/follow.ts';
import type { Connection, Store } from './database/store.ts';
import type { TaskRow } from './database/tasks.ts';
import type { Parts } from './parts.ts';

/** A comment is sent after so much silence, so that nobody on the way takes the connection for dead. */
const SILENCE_MS = 15_000;
/** Events read from the log at one time. */
const PAGE = 100;

interface Stream {
  of: Of;
  /** May the reader still read? The stream ends when not. */
  mayRead: (db: Connection) => Promise<boolean>;
  /** Only events with a greater number are sent. */
  after: number;
  response: Response;
  signal: AbortSignal;
}

/**
 * Writes the stream; that of one task ends after a final event. Resolves early when the reader goes away or the server
 * stops.
 */
export async function streamEvents(parts: Parts, { of, mayRead, after, response, signal }: Stream): Promise<void> {
  const ended = AbortSignal.any([signal, parts.stopping]);
  const news = hearOf(parts.follow, of);
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  let last = after;
  try {
    while (!ended.aborted) {
      const { promise } = news.next();
      const events = await parts.store.read((db) => eventsAfter(db, of, last, PAGE));
      if (!(await parts.store.read(mayRead))) break;
      for (const event of events) {
        last = event.number;
        await write(response, printEvent(event), ended);
      }
      if (await isOver(parts.store, of, events)) break;
      if (events.length < PAGE && !(await keptWithin(promise, SILENCE_MS, parts.clock, ended)))
        await write(response, ': still here\n\n', ended);
    }
  } finally {
    news.close();
    response.end();
  }
}

function printEvent(event: TaskEvent): string {
  return `id: ${event.number}\nevent: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** True when nothing can come any more; also for a reader that had read the final event before. */
async function isOver(store: Store, of: Of, events: readonly TaskEvent[]): Promise<boolean> {
  if (of === 'all' || !('task' in of)) return false;
  if (events.some(({ event }) => isAtEnd(event))) return true;
  if (events.length > 0) return false;
  const row = await store.read((db) =>
    db.get<{ state: TaskRow['state'] }>('select state from tasks where number = :number', { number: of.task }),
  );
  return row === undefined || FINAL_STATES.includes(row.state);
}

async function write(response: Response, text: string, ended: AbortSignal): Promise<void> {
  if (ended.aborted || response.write(text)) return;
  // Rejects when the reader goes away, which the loop sees by itself.
  await once(response, 'drain', { signal: ended }).catch(() => undefined);
}

interface Coming {
  /** A promise that is resolved by the next event after this call. */
  next(): { promise: Promise<void> };
  close(): void;
}

function hearOf(follow: Follow, of: Of): Coming {
  let coming = Promise.withResolvers<void>();
  const close = follow.hear((events) => {
    if (events.some((event) => concerns(event, of))) coming.resolve();
  });
  return {
    next() {
      coming = Promise.withResolvers<void>();
      return coming;
    },
    close,
  };
}

/** A removed task is not told apart from others: its readers look, once. */
function concerns(event: News, of: Of): boolean {
  if (of === 'all') return true;
  return 'task' in of ? event.task === of.task || event.state === null : event.owner === of.owner;
}
