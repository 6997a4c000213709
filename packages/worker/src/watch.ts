/** What can end a task from outside: its deadline, a limit it has reached, a cancel. The first reason wins. */
import type { Group } from '@kolejka/observer/cgroup';
import type { Limits, Reason } from '@kolejka/protocol';

/** How often the group is looked at, in milliseconds. Deadlines have timers of their own. */
const SAMPLE_MS = 50;

export interface Watch {
  /** The reason so far, or undefined while the program may go on. */
  reason(): Reason | undefined;
  /** Notes a reason unless there is one; a reason that kills, kills. */
  note(reason: Reason): void;
  /** Ends watching. Safe to call twice. */
  stop(): void;
}

/** Which reasons end the task. After a memory kill the kernel has done what is to be done, the rest may go on. */
const KILLS: Partial<Record<Reason, true>> = {
  time: true,
  pids: true,
  output: true,
  cancelled: true,
  infrastructure: true,
};

export interface WatchOptions {
  group: Group;
  limits: Limits;
  /** Aborted to cancel the task. */
  cancel: AbortSignal;
  /** Kills everything of the task. */
  kill: () => Promise<void>;
  failed: (error: unknown) => void;
}

/** Watches from the moment the program has started. */
export function startWatch({ group, limits, cancel, kill, failed }: WatchOptions): Watch {
  let reason: Reason | undefined;
  const note = (next: Reason) => {
    if (reason !== undefined && !(reason === 'memory' && KILLS[next] === true)) return;
    reason ??= next;
    if (KILLS[next] === true) kill().catch(failed);
  };
  const onCancel = () => note('cancelled');
  cancel.addEventListener('abort', onCancel, { once: true });
  if (cancel.aborted) onCancel();
  const deadline = limits.time === undefined ? undefined : setTimeout(() => note('time'), limits.time);
  const lookAtForks = () => {
    if (group.refusedForks() > 0) note('pids');
  };
  // A program that cannot fork often ends at once, and with its group the count of refusals: samples come too late.
  const stopForks = limits.pids === undefined ? () => undefined : group.watchForks(lookAtForks);
  if (limits.pids !== undefined) lookAtForks();
  let wasOver = false;
  const sampler = setInterval(() => {
    const { memory_oom_kills: oomKills = 0, pids_usage: pids = 0 } = group.read();
    if (oomKills > 0) note('memory');
    if (limits.pids === undefined) return;
    // The pids limit is written when the program runs already: one that was quicker is over it, and stays so. In the
    // first moment threads of the engine's own start may still be there, so once is not enough.
    const isOver = pids > limits.pids;
    if (isOver && wasOver) note('pids');
    lookAtForks();
    wasOver = isOver;
  }, SAMPLE_MS);
  return {
    reason: () => reason,
    note,
    stop() {
      clearTimeout(deadline);
      clearInterval(sampler);
      stopForks();
      cancel.removeEventListener('abort', onCancel);
    },
  };
}
