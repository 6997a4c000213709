/** Renews the leases of all held tasks in one request, and obeys the answer. */
import type { Client } from '@kolejka/client';
import type { Log } from '@kolejka/program';
import { type ForemanName, LEASES } from '@kolejka/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HeldTasks } from './held.ts';
import type { MESSAGES } from './messages.ts';

export interface HeartbeatContext {
  client: Client;
  foreman: ForemanName;
  held: HeldTasks;
  log: Log<typeof MESSAGES>;
}

/** One heartbeat. */
export async function sendHeartbeat({ client, foreman, held, log }: HeartbeatContext): Promise<void> {
  const report = held.report();
  const answer = await client.heartbeat({ foreman, tasks: report });
  held.heard(report);
  for (const { task, attempt } of held.obey(answer.tasks)) log.say('task-dropped', { task, attempt });
}

/** One pass of the heartbeat loop: waits until leases want renewing or a task entered a phase, then renews. */
export async function heartbeatPass(context: HeartbeatContext, signal: AbortSignal): Promise<void> {
  const pause = new AbortController();
  await Promise.race([
    sleep(LEASES.renewedMs * LEASES.renewAt, undefined, { signal: AbortSignal.any([signal, pause.signal]) }).catch(
      () => undefined,
    ),
    context.held.changed(),
  ]);
  pause.abort();
  if (!signal.aborted && context.held.size > 0) await sendHeartbeat(context);
}
