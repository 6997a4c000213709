/** One pass: say what is free, hear what to do, begin it. */
import { keptWithin } from '@kolejka/program';
import { asGridError, GridError, parseShape, parseTask, type Task, TaskId } from '@kolejka/protocol';
import { ask, type AskContext } from './ask.ts';
import { runKept } from './run-kept.ts';
import { type LeasedContext, runLeased } from './run-leased.ts';

export interface PullContext extends LeasedContext, AskContext {
  client: LeasedContext['client'] & AskContext['client'];
  /** Milliseconds between questions to a server that does not wait. */
  interval: number;
  /** Tasks under way; awaited at the end. */
  running: Set<Promise<unknown>>;
}

/** Longest pause of a node that is full or drained between two looks. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Asks once and begins what was given.
 * @returns milliseconds to pause before asking again
 * @throws GridError also `engine-unreachable` and `node-unfit`: then nothing was asked
 */
export async function pullPass(context: PullContext, signal: AbortSignal): Promise<number> {
  const { gate, seats, leased, interval, clock } = context;
  if (gate.isShut) {
    await keptWithin(gate.opened(), LOOK_AGAIN_MS, clock, signal);
    return 0;
  }
  const room = seats.room();
  if (room.places <= 0 || room.limits.cpus === 0) {
    await keptWithin(seats.released(), LOOK_AGAIN_MS, clock, signal);
    return 0;
  }
  const pause = await requireFit(context, signal);
  if (pause > 0) return pause;
  // One of the original does not choose by them.
  const images = leased ? await context.worker.images.present() : [];
  const answer = await ask(context, signal, images);
  const attempts = new Map(answer.leases?.map(({ task, attempt }) => [task, attempt]));
  // One of the original takes nothing back.
  const isUnwanted = leased && (signal.aborted || gate.isShut);
  for (const given of answer.tasks) {
    const task = readTask(given, context);
    if (task === undefined) continue;
    const attempt = attempts.get(task.id) ?? 1;
    if (isUnwanted) giveBack(context, task.id, attempt);
    else begin(context, task, attempt);
  }
  return leased || answer.tasks.length > 0 ? 0 : interval;
}

/**
 * Begins a task that is ours; it goes on in `running`. One that finds no seat is handed back; to a server of the
 * original nothing can be handed back, and it does not know all that is taken here: there the task waits for a seat.
 */
export function begin(context: PullContext, task: Task & { id: TaskId }, attempt: number): void {
  const { log, seats, running } = context;
  const held = context.held.add(task.id, attempt);
  log.say('task-taken', { task: task.id, attempt, image: task.image });
  const seat = context.leased ? seats.take(task) : undefined;
  if (context.leased && seat === undefined) return context.held.enter(held, 'returned');
  const run: Promise<unknown> =
    seat === undefined ? runKept(context, task, held) : runLeased(context, task, held, seat);
  running.add(run);
  void run.finally(() => running.delete(run));
}

function giveBack({ held, log }: PullContext, task: TaskId, attempt: number): void {
  log.say('task-returned', { task, attempt });
  held.enter(held.add(task, attempt), 'returned');
}

/**
 * Without disk, memory or engine a node would take tasks only to hand them back.
 * @returns milliseconds to pause before it is tried
 * @throws GridError `engine-unreachable`, `node-unfit`
 */
async function requireFit({ disk, gate, worker }: PullContext, signal: AbortSignal): Promise<number> {
  try {
    const pause = await disk.recover();
    if (pause > 0) return pause;
    const cause = await worker.findAway(signal);
    if (cause instanceof GridError) throw cause;
    if (cause !== undefined) {
      throw new GridError('engine-unreachable', 'Docker does not answer: no task is taken until it does.', { cause });
    }
    gate.trouble = undefined;
    return 0;
  } catch (thrown) {
    gate.trouble = asGridError(thrown).message;
    throw thrown;
  }
}

/** One task that cannot be read must not lose those beside it; its lease runs out. */
function readTask(given: Record<string, unknown>, { log }: PullContext): (Task & { id: TaskId }) | undefined {
  try {
    return { ...parseTask(given), id: parseShape(TaskId, given['id'], 'id') };
  } catch (thrown) {
    log.say('task-unreadable', { task: given['id'], message: asGridError(thrown).message });
    return undefined;
  }
}
