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

/** An event is one move of a task, a numbered row of the log. @word event */
export type EventName = keyof typeof MOVES;
export const EVENT_NAMES = Object.keys(MOVES) as [EventName, ...EventName[]];

/** States from which nothing leads on. */
export const FINAL_STATES: readonly State[] = (Object.keys(STATES) as State[]).filter(
  (state) => !Object.values(MOVES).some((row: Move) => row.from.includes(state)),
);

/**
 * Where an event leads from a state.
 * @throws GridError `internal` naming both ends when there is no such move
 */
export function move(from: State, event: EventName): State {
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
export const Lease = z.object({
  task: TaskId,
  attempt: z.int().positive(),
  /** Seconds until it runs out, from now. */
  seconds: z.number(),
});
export type Lease = z.infer<typeof Lease>;

/** One row of the event log. */
export const TaskEvent = z.object({
  number: z.int().nonnegative(),
  task: TaskId,
  event: z.enum(EVENT_NAMES),
  attempt: z.int().nonnegative(),
  foreman: ForemanName.nullable(),
  time: z.iso.datetime({ precision: 3 }),
  message: z.string().nullable(),
});
export type TaskEvent = z.infer<typeof TaskEvent>;

export const LEASES = {
  /** Length of a lease that is renewed by heartbeat. */
  renewedMs: 30_000,
  /** A foreman renews at this share of the lease. */
  renewAt: 1 / 3,
  /** A foreman of the original sends no heartbeat: 10 s + 2 × the time limit, or an hour without one. */
  silentMs: (timeMs: number | undefined) => (timeMs === undefined ? 3_600_000 : 10_000 + 2 * timeMs),
  /** Pause before a task that was handed back is pending again: a node that hands back all it is given must not spin. */
  returnedMs: 1000,
  /** A task that was lost this often is failed. */
  losses: 3,
  /** Pause before a lost task is pending again: 1 s, 4 s, … */
  backOffMs: (losses: number) => 1000 * 4 ** (losses - 1),
} as const;
