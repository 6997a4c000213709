/** Renews the leases of all held tasks in one request, and obeys the answer. */
import type { Client } from '@kolejka/client';
import { type Clock, keptWithin, type Log } from '@kolejka/program';
import { type ErrorCode, type ForemanName, GridError, LEASES } from '@kolejka/protocol';
import type { HeldTasks } from './held.ts';
import type { MESSAGES } from './messages.ts';

export interface HeartbeatContext {
  client: Pick<Client, 'heartbeat'>;
  foreman: ForemanName;
  held: HeldTasks;
  log: Log<typeof MESSAGES>;
  clock: Clock;
}

/** What a server answers that does not know the request. */
const UNKNOWN_REQUEST: ReadonlySet<ErrorCode> = new Set(['not-found', 'no-route', 'no-method']);

/**
 * Whether the server leases its tasks. One of the original gives them for good, and knows no heartbeat.
 * @throws GridError when it refuses this foreman, is away, or has no queue
 */
export async function leasesTasks(
  client: Pick<Client, 'heartbeat' | 'dequeue'>,
  foreman: ForemanName,
): Promise<boolean> {
  try {
    await client.heartbeat({ foreman, tasks: [] });
    return true;
  } catch (thrown) {
    if (!(thrown instanceof GridError) || !UNKNOWN_REQUEST.has(thrown.code)) throw thrown;
  }
  // A wrong address is answered like that too. Of the original, which gives one task more than asked, this asks none.
  await client.dequeue({ foreman, concurency: -1, limits: {}, tags: [] });
  return false;
}

/** One heartbeat. */
export async function sendHeartbeat({ client, foreman, held, log }: HeartbeatContext): Promise<void> {
  const report = held.report();
  const answer = await client.heartbeat({ foreman, tasks: report });
  held.heard(report);
  for (const { task, attempt } of held.obey(answer.tasks)) log.say('task-dropped', { task, attempt });
}

/** One pass of the heartbeat loop: after a second, or when a task entered a phase, tells what is held and hears what to kill. */
export async function heartbeatPass(context: HeartbeatContext, signal: AbortSignal): Promise<void> {
  await keptWithin(context.held.changed(), LEASES.askedMs, context.clock, signal);
  if (!signal.aborted && context.held.size > 0) await sendHeartbeat(context);
}
