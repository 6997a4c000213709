/**
 * What an earlier process of this foreman has left, taken up at start: results that are complete are handed in; of tasks
 * without one the server hears at once that they are lost, for their containers are gone. It counts that as a loss: a
 * task that its foremen die of must not come for ever. A server of the original counts nothing, so there the task is
 * run again: it is still assigned to us and to nobody else.
 */
import type { Client } from '@kolejka/client';
import { GridError, type Result } from '@kolejka/protocol';
import { handIn } from './hand-in.ts';
import { GivenUp, patience, persist } from './persist.ts';
import { begin, type PullContext } from './pull.ts';
import type { Spooled } from './spool.ts';

export interface RecoverContext extends PullContext {
  client: PullContext['client'] & Pick<Client, 'showTask'>;
}

/** Takes up all that is left; what takes long goes on in `running`. */
export async function recover(context: RecoverContext): Promise<void> {
  for (const { spooled, result } of await context.spool.left()) {
    const run = result === undefined ? giveUp(context, spooled) : handInLate(context, spooled, result);
    context.running.add(run);
    void run.finally(() => context.running.delete(run));
  }
}

/** A result that is late is accepted as long as nobody else has taken the task. Never rejects. */
async function handInLate(context: RecoverContext, spooled: Spooled, result: Result): Promise<void> {
  const { task, attempt } = spooled;
  context.log.say('result-found', { task, attempt });
  const held = context.held.add(task, attempt);
  held.phase = 'running';
  try {
    await handIn(context, result, spooled.resultDirectory, held);
    await forget(context, spooled);
  } catch (error) {
    context.held.remove(held);
    if (!(error instanceof GivenUp)) context.log.say('result-not-handed-in', { task, attempt, error });
  }
}

/** Never rejects. */
async function giveUp(context: RecoverContext, spooled: Spooled): Promise<void> {
  const { held, leased, log } = context;
  const { task, attempt } = spooled;
  log.say('task-found', { task, attempt });
  await forget(context, spooled);
  if (leased) return held.enter(held.add(task, attempt), 'lost');
  try {
    const ask = () => context.client.showTask(task, context.insisted);
    begin(context, await persist(ask, patience(context, spooled, context.insisted)), attempt);
  } catch (thrown) {
    // Removed meanwhile, or somebody else's.
    if (thrown instanceof GridError) log.say('task-unreadable', { task, message: thrown.message });
    else if (!(thrown instanceof GivenUp)) throw thrown;
  }
}

async function forget({ log }: RecoverContext, spooled: Spooled): Promise<void> {
  const { task, attempt } = spooled;
  await spooled.remove().catch((error: unknown) => log.say('left-behind', { task, attempt, error }));
}
