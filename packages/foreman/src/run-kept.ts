/**
 * One task of a server of the original, which takes nothing back: it stays assigned to us until it has a result. So it
 * waits here for a seat, is run again when this node failed it, and is found by the next start when this one ends.
 */
import { runLoop } from '@kolejka/program';
import { combineLimits, type Task } from '@kolejka/protocol';
import type { HeldTask } from './held.ts';
import { type LeasedContext, runLeased } from './run-leased.ts';
import type { Seats } from './seats.ts';

/** Runs it to its end, or until this foreman is told to end. Like the original's it grants no more than the node has. Never rejects. */
export async function runKept(context: LeasedContext & { seats: Seats }, task: Task, held: HeldTask): Promise<void> {
  const { seats, offer, clock } = context;
  const granted = { ...task, limits: combineLimits(task.limits, offer.limits) };
  const { signal } = held.stop;
  const done = new AbortController();
  await note(context, held);
  await runLoop({
    async pass() {
      const seat = await seats.takeWhenFree(granted, clock, signal);
      if (seat === undefined) return;
      if (await runLeased(context, granted, held, seat)) done.abort();
      else throw new Error('This node failed the task.');
    },
    signal: AbortSignal.any([signal, done.signal]),
    // It has been said by whoever failed.
    failed: () => undefined,
    clock,
  });
  if (done.signal.aborted) return;
  await note(context, held);
  context.held.remove(held);
}

/** So that the next start finds it. */
async function note({ spool, log }: LeasedContext, { task, attempt }: HeldTask): Promise<void> {
  await spool.add(task, attempt).catch((error: unknown) => log.say('task-not-noted', { task, attempt, error }));
}
