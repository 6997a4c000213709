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
  const sampler = setInterval(() => {
    if ((group.read().memory_oom_kills ?? 0) > 0) note('memory');
    if (limits.pids !== undefined && group.refusedForks() > 0) note('pids');
  }, SAMPLE_MS);
  return {
    reason: () => reason,
    note,
    stop() {
      clearTimeout(deadline);
      clearInterval(sampler);
      cancel.removeEventListener('abort', onCancel);
    },
  };
}
