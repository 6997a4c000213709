/**
 * Waits for the result of a task: by events where the server has them, else by asking again and again, as the original
 * does. A server that is away for a while is waited for.
 */
import { backOff, realClock } from '@kolejka/program';
import { type ErrorCode, GridError, PASSING, type TaskEvent } from '@kolejka/protocol';
import type { Connection } from './connection.ts';
import { type KnownResult, showResult } from './results.ts';
import { watchTask } from './watch.ts';

export interface WaitOptions {
  /** Pause between questions to a server without events, in milliseconds. */
  intervalMs?: number;
  signal?: AbortSignal | undefined;
  onEvent?: ((event: TaskEvent) => void) | undefined;
  /** Hears once that the server does not answer, until it does again. */
  onSilence?: ((error: GridError) => void) | undefined;
}

const INTERVAL_MS = 5000;

/** So many answers in a row that are no answers, and waiting ends; a server that does not answer at all is waited for. */
const MOST_BAD_ANSWERS = 10;

const HAS_NO_EVENTS: ReadonlySet<ErrorCode> = new Set(['not-found', 'no-route', 'no-method']);

/**
 * The result of the task, as soon as there is one.
 * @throws GridError `task-failed`, `task-cancelled`, `task-unknown`; the reason of the signal when it is aborted
 */
export async function waitForResult(
  connection: Connection,
  id: string,
  { intervalMs = INTERVAL_MS, signal, onEvent, onSilence }: WaitOptions = {},
): Promise<KnownResult> {
  let silent = false;
  const heard = () => {
    silent = false;
  };
  const missed = (error: GridError) => {
    if (!silent) onSilence?.(error);
    silent = true;
  };

  /** The result, or undefined while there is none. */
  async function ask(): Promise<KnownResult | undefined> {
    for (let inARow = 1; ; inARow += 1) {
      try {
        const result = await showResult(connection, id, signal);
        heard();
        return result;
      } catch (thrown) {
        signal?.throwIfAborted();
        if (!(thrown instanceof GridError)) throw thrown;
        if (thrown.code === 'not-found') {
          heard();
          return undefined;
        }
        const passing =
          PASSING.has(thrown.code) ||
          ((thrown.code === 'bad-answer' || thrown.code === 'internal') && inARow < MOST_BAD_ANSWERS);
        if (!passing) throw thrown;
        missed(thrown);
        await realClock.sleep(backOff(inARow), signal);
      }
    }
  }

  const early = await ask();
  // A result that is there has its story too; it is told when somebody listens.
  if (early !== undefined && onEvent === undefined) return early;
  try {
    for await (const event of watchTask(connection, id, { signal, broken: missed })) {
      heard();
      onEvent?.(event);
    }
  } catch (thrown) {
    signal?.throwIfAborted();
    if (!(thrown instanceof GridError && HAS_NO_EVENTS.has(thrown.code))) throw thrown;
  }
  for (;;) {
    const result = early ?? (await ask());
    if (result !== undefined) return result;
    await realClock.sleep(intervalMs, signal);
  }
}
