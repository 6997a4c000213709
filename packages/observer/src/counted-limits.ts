/**
 * Limits on what the performance counters count. The kernel keeps none of them: somebody has to look, and kill.
 * A counter that could not count all the time is taken to be over, for then nobody knows.
 */
import type { Limits, Stats } from '@kolejka/protocol';
import type { Group } from './cgroup/index.ts';

/** A program of 4 GHz has done 200 million cycles more than it may before this is noticed. */
const PAUSE_MS = 50;

const COUNTED = ['perf_instructions', 'perf_cycles'] as const;

interface Watching {
  group: Group;
  limits: Limits;
  /** What was counted before the counters of this group were opened. */
  before: Stats;
  /** Called each time the group is over a limit and has processes; not again before it is done. */
  isOver: () => Promise<void>;
}

/** Looks at the counters of a group from now on, when it has such limits; answers how to stop. */
export function watchCounted({ group, limits, before, isOver }: Watching): () => void {
  const limited = COUNTED.filter((name) => limits[name] !== undefined);
  if (limited.length === 0) return () => undefined;
  let ending: Promise<void> | undefined;
  const look = () => {
    const stats = group.read(limited);
    const used = (name: (typeof COUNTED)[number]) => (stats[name] ?? Infinity) + (before[name] ?? 0);
    if (limited.every((name) => used(name) <= (limits[name] ?? Infinity)) || group.processes().length === 0) return;
    ending ??= isOver().finally(() => (ending = undefined));
  };
  const timer = setInterval(look, PAUSE_MS);
  return () => clearInterval(timer);
}
