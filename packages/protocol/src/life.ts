/**
 * The life of a task: its states, and every move between them.
 *
 * A task is put and waits in `pending`. A foreman takes it: it is `assigned` under a lease until the foreman hands in
 * the result (`resolved`), hands the task back, or loses it (the lease ran out). A lost task is pending again after a
 * pause; lost too often, it is `failed` with its story. `waiting` is for tasks that depend on others.
 * Every move is one row of the event log; the server makes each with one statement guarded by the state it expects.
 */
import { z } from 'zod';
import { GridError } from './errors.ts';
import { ForemanName, TaskId } from './identifiers.ts';

export const STATES = {
  waiting: 'not to be run before something else has happened',
  pending: 'to be run by the next foreman it fits',
  assigned: 'a foreman has it under a lease',
  resolved: 'its result is accepted',
  cancelled: 'somebody who may do so stopped it',
  failed: 'given up: it was lost too often',
} as const;
export type State = keyof typeof STATES;

interface Move {
  from: readonly State[];
  to: State;
  about: string;
}

/** State × event → state. A move that is not here does not exist. */
export const MOVES = {
  created: { from: [], to: 'pending', about: 'a client put the task' },
  assigned: { from: ['pending'], to: 'assigned', about: 'a foreman took the task under a lease' },
  running: { from: ['assigned'], to: 'assigned', about: 'the program runs in its container' },
  returned: { from: ['assigned'], to: 'pending', about: 'the foreman handed the task back unrun' },
  lost: { from: ['assigned'], to: 'pending', about: 'the lease ran out' },
  failed: { from: ['assigned'], to: 'failed', about: 'the lease ran out once too often' },
  // From pending too: the lease ran out, but nobody else has taken the task since.
  resolved: { from: ['assigned', 'pending'], to: 'resolved', about: 'the result was accepted' },
  cancelled: { from: ['waiting', 'pending', 'assigned'], to: 'cancelled', about: 'the task was cancelled' },
} as const satisfies Record<string, Move>;

export type MoveName = keyof typeof MOVES;
export const MOVE_NAMES = Object.keys(MOVES) as [MoveName, ...MoveName[]];

/** What the log tells of a task beside its moves; the state stays what it is. They come after the final move. */
export const NOTES = {
  'called-back': 'the receiver at callback_url was told that the task has ended',
  'callback-failed': 'that receiver was not told and will not be; the message says why',
  deleted: 'the task was removed, and with it its result and its other events',
} as const;

/** An event is one move of a task, or a note about it: a numbered row of the log. @word event */
export type EventName = MoveName | keyof typeof NOTES;
export const EVENT_NAMES = [...MOVE_NAMES, ...Object.keys(NOTES)] as [EventName, ...EventName[]];

/** States from which nothing leads on. */
export const FINAL_STATES: readonly State[] = (Object.keys(STATES) as State[]).filter(
  (state) => !Object.values(MOVES).some((row: Move) => row.from.includes(state)),
);

function isNote(event: EventName): event is keyof typeof NOTES {
  return Object.hasOwn(NOTES, event);
}

/** True when the event leads to a state from which nothing leads on. */
export function endsTask(event: EventName): boolean {
  return !isNote(event) && FINAL_STATES.includes(MOVES[event].to);
}

/** True when nothing but notes can come after the event. */
export function isAtEnd(event: EventName): boolean {
  return isNote(event) || endsTask(event);
}

/**
 * Where a move leads from a state.
 * @throws GridError `internal` naming both ends when there is no such move
 */
export function move(from: State, event: MoveName): State {
  const row: Move = MOVES[event];
  if (!row.from.includes(from)) throw new GridError('internal', `a task that is ${from} cannot be ${event}`);
  return row.to;
}

/**
 * A lease is a foreman's right to a task until a given moment of the server's clock.
 *
 * The attempt number only grows and is the fence: every write of the foreman carries it, a stale one is refused.
 * @word lease
 */
export const Lease = z
  .object({
    task: TaskId,
    attempt: z.int().positive(),
    seconds: z.number().describe('until it runs out, from now'),
  })
  .meta({ id: 'Lease', description: "A foreman's right to a task until a given moment." });
export type Lease = z.infer<typeof Lease>;

/** One row of the event log. */
export const TaskEvent = z
  .object({
    number: z.int().nonnegative(),
    task: TaskId,
    event: z.enum(EVENT_NAMES),
    attempt: z.int().nonnegative(),
    foreman: ForemanName.nullable(),
    time: z.iso.datetime({ precision: 3 }),
    message: z.string().nullable(),
  })
  .meta({ id: 'TaskEvent', description: 'One move of a task.' });
export type TaskEvent = z.infer<typeof TaskEvent>;

export const LEASES = {
  /** Length of a lease that is renewed by heartbeat. */
  renewedMs: 30_000,
  /** A lease is renewed when this share of it is gone; a heartbeat before that only asks. */
  renewAt: 1 / 3,
  /** A foreman that holds tasks asks so often what has become of them: a cancel takes no longer to be heard of. */
  askedMs: 1000,
  /** A foreman of the original sends no heartbeat: 10 s + 2 × the time limit, or an hour without one. */
  silentMs: (timeMs: number | undefined) => (timeMs === undefined ? 3_600_000 : 10_000 + 2 * timeMs),
  /** Pause before a task that was handed back is pending again: a node that hands back all it is given must not spin. */
  returnedMs: 1000,
  /** A task that was lost this often is failed. */
  losses: 3,
  /** Pause before a lost task is pending again: 1 s, 4 s, … */
  backOffMs: (losses: number) => 1000 * 4 ** (losses - 1),
} as const;
