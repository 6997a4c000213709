/** What sessions and tasks use, from two listings of the observer. */
import type { Limits, Listing, Stats } from '@kolejka/protocol';

export interface Sample {
  listing: Listing;
  /** In milliseconds of any clock that only goes forward. */
  at: number;
}

/** A task or a session. What the kernel cannot say is absent. */
export interface Usage {
  kind: 'task' | 'session of a task' | 'session';
  id: string;
  group: string;
  /** CPU time since the sample before, in percent of one CPU; absent for what was not there yet. */
  cpuPercent: number | undefined;
  memoryBytes: number | undefined;
  memoryLimitBytes: number | undefined;
  pids: number | undefined;
  ageMs: number | undefined;
}

/** Tasks by their name, each with its sessions below it; then sessions outside of tasks. */
export function usageOf(before: Sample, now: Sample): Usage[] {
  const earlier = new Map<string, number | undefined>();
  for (const { group, stats } of [...before.listing.tasks, ...before.listing.sessions]) {
    earlier.set(group, stats.cpu_usage);
  }
  const row = (kind: Usage['kind'], id: string, one: { group: string; age?: number; stats: Stats }, limits: Limits) => {
    const used = (one.stats.cpu_usage ?? Number.NaN) - (earlier.get(one.group) ?? Number.NaN);
    const percent = (100 * used) / (now.at - before.at);
    return {
      kind,
      id,
      group: one.group,
      cpuPercent: Number.isFinite(percent) ? Math.max(0, Math.round(percent * 10) / 10) : undefined,
      memoryBytes: one.stats.memory_usage,
      memoryLimitBytes: limits.memory,
      pids: one.stats.pids_usage,
      ageMs: one.age,
    };
  };
  const { sessions, tasks } = now.listing;
  const ofTask = (task: string | undefined) =>
    sessions
      .filter((session) => session.task === task)
      .map((session) =>
        row(task === undefined ? 'session' : 'session of a task', session.session_id, { ...session }, session.limits),
      );
  const inOrder = tasks.toSorted((one, other) => one.task.localeCompare(other.task));
  return [
    ...inOrder.flatMap(({ task, group, age, stats }) => [
      row('task', task, { group, stats, ...(age !== undefined && { age }) }, {}),
      ...ofTask(task),
    ]),
    ...ofTask(undefined),
  ];
}
