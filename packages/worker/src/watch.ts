/** What can end a task from outside: its deadline, a limit it has reached, a cancel. The first reason wins. */
import { COUNTED, type Group, isOverCount } from '@kolejka/observer/cgroup';
import type { Limits, Reason, StatName, Stats } from '@kolejka/protocol';

/** How often the group is looked at, in milliseconds. Deadlines have timers of their own. */
const SAMPLE_MS = 50;

/** What a sample reads: what may end the task, and what has no peak in the kernel. */
const SAMPLED = ['memory_oom_kills', 'pids_usage', 'memory_program'] as const satisfies StatName[];

export interface Watch {
  /** The reason so far, or undefined while the program may go on. */
  reason(): Reason | undefined;
  /** Notes a reason unless there is one; a reason that kills, kills. */
  note(reason: Reason): void;
  /** Resolves when everything of the task was killed; never, when nothing had to be. */
  killed: Promise<void>;
  /** The peaks that only samples tell: the largest memory without page cache that was seen. */
  sampled(): Stats;
  /** Ends watching. Safe to call twice. */
  stop(): void;
}

/** setTimeout takes no longer pause: a longer one is over at once. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1;

const STUCK_MS = 20_000;

/** Which reasons end the task. After a memory kill the kernel has done what is to be done, the rest may go on. */
const KILLS: Partial<Record<Reason, true>> = {
  time: true,
  pids: true,
  perf: true,
  output: true,
  disk: true,
  cancelled: true,
  infrastructure: true,
};

export interface WatchOptions {
  group: Group;
  limits: Limits;
  /** Looks at the disk of the node: resolves to whether the task has filled it, or undefined when there is room. */
  lookAtDisk: () => Promise<boolean> | undefined;
  /** Aborted to cancel the task. */
  cancel: AbortSignal;
  /** Kills everything of the task. */
  kill: () => Promise<void>;
  failed: (error: unknown) => void;
  /** Called once when what was to be killed lives on: it hangs in the kernel, and nobody can say for how long. */
  stuck: () => void;
  /** After so long; 20 s. A kill takes milliseconds, on a busy machine a second. */
  stuckMs?: number;
}

/** Watches from the moment the program has started. */
export function startWatch(options: WatchOptions): Watch {
  const { group, limits, lookAtDisk, cancel, kill, failed, stuck, stuckMs = STUCK_MS } = options;
  const killed = Promise.withResolvers<void>();
  let reason: Reason | undefined;
  let mustDie = false;
  let dying: Promise<void> | undefined;
  let patience: NodeJS.Timeout | undefined;

  const isDead = () => {
    clearTimeout(patience);
    killed.resolve();
  };
  /** Tries again with each sample until it is done. */
  const killNow = () => {
    patience ??= setTimeout(stuck, stuckMs);
    dying ??= kill()
      .then(isDead, failed)
      .finally(() => (dying = undefined));
  };
  const note = (next: Reason) => {
    if (reason === undefined || (reason === 'memory' && KILLS[next] === true)) {
      reason ??= next;
      mustDie ||= KILLS[next] === true;
      if (mustDie) killNow();
    }
  };
  const lookAtForks = () => {
    if (group.refusedForks() > 0) note('pids');
  };
  let wasOver = false;
  let looking: Promise<void> | undefined;
  let { memory_program: maxProgram = 0 } = group.read(['memory_program']);
  const sample = () => {
    if (mustDie) return killNow();
    const stats = group.read(SAMPLED);
    const { memory_oom_kills: oomKills = 0, pids_usage: pids = 0, memory_program: program = 0 } = stats;
    maxProgram = Math.max(maxProgram, program);
    if (oomKills > 0) note('memory');
    if (isOverCount(stats, limits)) note('perf');
    // Its counters could not count all the time, so the limit is not kept: the node's fault.
    if (COUNTED.some((name) => limits[name] !== undefined && stats[name] === undefined)) note('infrastructure');
    looking ??= lookAtDisk()
      ?.then((isFilled) => void (isFilled && note('disk')), failed)
      .finally(() => (looking = undefined));
    if (limits.pids === undefined) return;
    // The pids limit is written when the program runs already: one that was quicker is over it, and stays so. In the
    // first moment threads of the engine's own start may still be there, so once is not enough.
    const isOver = pids > limits.pids;
    if (isOver && wasOver) note('pids');
    lookAtForks();
    wasOver = isOver;
  };

  const started = performance.now();
  let deadline: NodeJS.Timeout | undefined;
  const watchTime = (limit: number) => {
    const left = limit - (performance.now() - started);
    if (left <= 0) note('time');
    else deadline = setTimeout(() => watchTime(limit), Math.min(left, LONGEST_PAUSE_MS));
  };
  const onCancel = () => note('cancelled');

  if (limits.time !== undefined) watchTime(limits.time);
  cancel.addEventListener('abort', onCancel, { once: true });
  if (cancel.aborted) onCancel();
  // A program that cannot fork often ends at once, and with its group the count of refusals: samples come too late.
  const stopForks = limits.pids === undefined ? () => undefined : group.watchForks(lookAtForks);
  if (limits.pids !== undefined) lookAtForks();
  const sampler = setInterval(() => {
    try {
      sample();
    } catch (error) {
      failed(error);
    }
  }, SAMPLE_MS);
  return {
    reason: () => reason,
    note,
    killed: killed.promise,
    // Of a program that was gone before the first sample nothing was seen; no program has no memory.
    sampled: () => (maxProgram === 0 ? {} : { memory_max_program: maxProgram }),
    stop() {
      clearTimeout(deadline);
      clearTimeout(patience);
      clearInterval(sampler);
      stopForks();
      cancel.removeEventListener('abort', onCancel);
    },
  };
}
