/** Asks the server again until it answers: it may be away for an hour, and nothing must be lost by that. */
import { type Clock, type Log, runLoop } from '@kolejka/program';
import { type ErrorCode, GridError, PASSING } from '@kolejka/protocol';
import type { HeldTask } from './held.ts';
import type { MESSAGES } from './messages.ts';

/** No answer, or one that says nothing of the request: the same request may go through later. */
const NO_REFUSAL: ReadonlySet<ErrorCode> = new Set([...PASSING, 'no-space', 'bad-answer', 'internal']);

/** Thrown when it was told to stop before there was an answer. */
export class GivenUp extends Error {}

export interface Persistence {
  /** Ends the asking. */
  signal: AbortSignal;
  /** Hears each try that was not answered. */
  unanswered: (error: GridError, inARow: number) => void;
  /** Time of the pauses between tries. */
  clock: Clock;
}

export interface PatienceContext {
  log: Log<typeof MESSAGES>;
  clock: Clock;
}

/** Asks about a task until the signal, and says in the log how often in vain. */
export function patience(
  { log, clock }: PatienceContext,
  { task, attempt }: Pick<HeldTask, 'task' | 'attempt'>,
  signal: AbortSignal,
): Persistence {
  const unanswered = ({ message }: GridError, inARow: number) =>
    log.say('server-away', { task, attempt, inARow, message });
  return { signal, unanswered, clock };
}

/**
 * The answer of `ask`.
 * @throws GivenUp when the signal came first; whatever `ask` throws that asking again does not change
 */
export async function persist<Answer>(
  ask: () => Promise<Answer>,
  { signal, unanswered, clock }: Persistence,
): Promise<Answer> {
  const settled = new AbortController();
  let outcome: { answer: Answer } | { thrown: unknown } | undefined;
  await runLoop({
    pass: async () => {
      try {
        outcome = { answer: await ask() };
      } catch (thrown) {
        // What is no refusal then was broken off by the signal.
        if (isPassing(thrown) || (signal.aborted && !(thrown instanceof GridError))) throw thrown;
        outcome = { thrown };
      }
      settled.abort();
    },
    signal: AbortSignal.any([signal, settled.signal]),
    failed: (error, inARow) => isPassing(error) && unanswered(error, inARow),
    clock,
  });
  if (outcome === undefined) throw new GivenUp();
  if ('thrown' in outcome) throw outcome.thrown;
  return outcome.answer;
}

function isPassing(thrown: unknown): thrown is GridError {
  return thrown instanceof GridError && NO_REFUSAL.has(thrown.code);
}
