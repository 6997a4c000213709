/**
 * Follows the event log: tells its listeners of every event, in order, soon after it was committed, whoever wrote it.
 *
 * The log itself is the message. A commit only says that it may have grown; what is new is read from it. So nothing is
 * missed when a word was, and events of other processes are heard of like our own.
 */
import type { EventName, State } from '@kolejka/protocol';
import { newestEvent } from './events.ts';
import type { Store } from './store.ts';

/** An event, and how its task is now. Of a task that was removed, `state` is null and its numbers are 0. */
export interface News {
  number: number;
  task: number;
  event: EventName;
  state: State | null;
  class: number;
  owner: number;
  notBeforeMs: number;
}

export type Listener = (news: readonly News[]) => void;

export interface Follow {
  /** Answers the function that ends it. */
  hear(listener: Listener): () => void;
  /** Looks whether there is news: after each commit, and now and then for those nobody told of. */
  look(): Promise<void>;
}

/** Events read at one time. */
const PAGE = 1000;

/** @param failed hears that the log could not be read, and the next look begins where the last good one ended; and what listeners throw */
export async function followLog(store: Store, failed: (error: unknown) => void): Promise<Follow> {
  const listeners = new Set<Listener>();
  let last = await store.read(newestEvent);
  let looking: Promise<void> | undefined;
  let again = false;

  async function lookOn(): Promise<void> {
    try {
      do {
        again = false;
        const news = await newsAfter(store, last);
        last = news.at(-1)?.number ?? last;
        again ||= news.length === PAGE;
        if (news.length > 0) for (const listener of listeners) tell(listener, news);
      } while (again);
    } catch (error) {
      failed(error);
    } finally {
      // At once: who asks from now on is not answered by a look that is over.
      looking = undefined;
    }
  }

  /** A listener that throws keeps no other from hearing. */
  function tell(listener: Listener, news: readonly News[]): void {
    try {
      listener(news);
    } catch (error) {
      failed(error);
    }
  }

  function look(): Promise<void> {
    again = true;
    looking ??= lookOn();
    return looking;
  }
  store.onCommit(() => void look());

  return {
    hear(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    look,
  };
}

function newsAfter(store: Store, last: number): Promise<News[]> {
  return store.read((db) =>
    db.all<News>(
      `select events.number, coalesce(events.task, 0) as task, events.event, tasks.state,
         coalesce(tasks.class, 0) as class, events.owner, coalesce(tasks.not_before_ms, 0) as "notBeforeMs"
       from events left join tasks on tasks.number = events.task
       where events.number > :last order by events.number limit ${PAGE}`,
      { last },
    ),
  );
}
