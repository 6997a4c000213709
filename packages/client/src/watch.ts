/** The events of a task, as they happen: a server-sent stream that goes on after a break where it ended. */
import { backOff, realClock } from '@kolejka/program';
import { asGridError, endsTask, GridError, PASSING, TaskEvent } from '@kolejka/protocol';
import { createParser } from 'eventsource-parser';
import type { Connection } from './connection.ts';

export interface WatchOptions {
  /** Number of the last event that is known already. */
  after?: number;
  signal?: AbortSignal | undefined;
  /** Hears that the server does not answer, and how often in a row. */
  broken?: ((error: GridError, inARow: number) => void) | undefined;
}

/** A server that is silent for longer is asked again, quietly: a connection may be dead without either end knowing. */
const LONGEST_SILENCE_MS = 60_000;

/**
 * Events of the task, past ones first, until it reaches a state from which nothing leads on.
 * @throws GridError what the server refuses with; `not-found` or `no-route` from a server of the original
 */
export async function* watchTask(
  connection: Connection,
  id: string,
  { after = 0, signal, broken }: WatchOptions = {},
): AsyncGenerator<TaskEvent, void> {
  let last = after;
  for (let inARow = 1; ; inARow += 1) {
    try {
      const { body } = await connection.callForBytes('watchTasks', {
        query: { task: id, after: last },
        headers: { accept: 'text/event-stream' },
        patienceMs: LONGEST_SILENCE_MS,
        ...(signal !== undefined && { signal }),
      });
      inARow = 0;
      for await (const data of readMessages(body)) {
        const event = parseEvent(data);
        if (event === undefined) continue;
        last = event.number;
        yield event;
        if (endsTask(event.event)) return;
      }
    } catch (thrown) {
      signal?.throwIfAborted();
      // A GridError is what the server said; anything else is the connection that broke.
      if (thrown instanceof GridError && !PASSING.has(thrown.code)) throw thrown;
      if (inARow > 0) broken?.(asGridError(thrown), inARow);
    }
    await realClock.sleep(backOff(Math.max(1, inARow)), signal);
  }
}

/** Undefined for an event of a newer server that this version does not know. */
function parseEvent(data: string): TaskEvent | undefined {
  try {
    return TaskEvent.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}

/** The data of each message of a server-sent stream. */
async function* readMessages(body: AsyncIterable<Buffer>): AsyncGenerator<string, void> {
  const ready: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => void ready.push(data) });
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    while (ready.length > 0) yield ready.shift() ?? '';
  }
}
