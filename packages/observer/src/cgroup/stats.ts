/**
 * A row per measurement: how each version of control groups tells it. `unknown` is what it cannot tell.
 * Times are milliseconds, as exact as the kernel gives them.
 */
import { STAT_NAMES, type StatName, type Stats } from '@kolejka/protocol';
import type { GroupFiles } from './group-files.ts';

type Reader = ((files: GroupFiles) => number | undefined) | 'unknown';

/** USER_HZ, in which the kernel tells user space its ticks: 100 on every Linux that Node runs on. */
const TICK_MS = 10;

const scaled = (value: number | undefined, factor: number) => (value === undefined ? undefined : value / factor);

function total(found: Map<string, number>): number | undefined {
  return found.size === 0 ? undefined : [...found.values()].reduce((sum, value) => sum + value, 0);
}

/** Refused forks of the group and those below, by directory. */
export function refusedForks(files: GroupFiles): Map<string, number> {
  // Since 6.11 v2 counts at the group whose limit was hit and above, and has pids.events.local; else, the forking group counts.
  const own = files.key('pids.events', 'max');
  if (files.has('pids.events.local')) return new Map(own === undefined ? [] : [['', own]]);
  return files.keyBelow('pids.events', 'max');
}

export const V1_STATS = {
  cpu_usage: (files) => scaled(files.number('cpuacct.usage'), 1e6),
  cpu_user: (files) => v1CpuTime(files, 'user', 'cpuacct.usage_user'),
  cpu_system: (files) => v1CpuTime(files, 'system', 'cpuacct.usage_sys'),
  memory_usage: (files) => files.number('memory.usage_in_bytes'),
  memory_max_usage: (files) => files.number('memory.max_usage_in_bytes'),
  memory_swap: (files) => files.key('memory.stat', 'total_swap'),
  // The peak of memory and swap together is there, but it is not the sum of two peaks.
  memory_max_swap: 'unknown',
  memory_failures: v1MemoryFailures,
  memory_oom_kills: (files) => total(files.keyBelow('memory.oom_control', 'oom_kill')),
  pids_usage: (files) => files.number('pids.current'),
  pids_max_usage: (files) => files.number('pids.peak'),
  pids_failures: (files) => total(refusedForks(files)),
  perf_instructions: 'unknown',
  perf_cycles: 'unknown',
  time: 'unknown',
} as const satisfies Record<StatName, Reader>;

export const V2_STATS = {
  cpu_usage: (files) => scaled(files.key('cpu.stat', 'usage_usec'), 1e3),
  cpu_user: (files) => scaled(files.key('cpu.stat', 'user_usec'), 1e3),
  cpu_system: (files) => scaled(files.key('cpu.stat', 'system_usec'), 1e3),
  memory_usage: (files) => files.number('memory.current'),
  memory_max_usage: (files) => files.number('memory.peak'),
  memory_swap: (files) => files.number('memory.swap.current'),
  memory_max_swap: (files) => files.number('memory.swap.peak'),
  memory_failures: (files) => files.key('memory.events', 'max'),
  memory_oom_kills: (files) => files.key('memory.events', 'oom_kill'),
  pids_usage: (files) => files.number('pids.current'),
  pids_max_usage: (files) => files.number('pids.peak'),
  pids_failures: (files) => total(refusedForks(files)),
  perf_instructions: 'unknown',
  perf_cycles: 'unknown',
  time: 'unknown',
} as const satisfies Record<StatName, Reader>;

/** All that a table can read of a group now. */
export function readStats(table: Record<StatName, Reader>, files: GroupFiles): Stats {
  const stats: Stats = {};
  for (const name of STAT_NAMES) {
    const reader = table[name];
    const value = reader === 'unknown' ? undefined : reader(files);
    if (value !== undefined) stats[name] = value;
  }
  const cpus = files.text('cpuacct.usage_percpu')?.trim().split(/\s+/);
  if (cpus !== undefined) stats.cpus = Object.fromEntries(cpus.map((time, cpu) => [cpu, Number(time) / 1e6]));
  return stats;
}

/** A charge that did not fit and was not taken: the kernel asks for up to 64 pages ahead. */
const CHARGE_BYTES = 64 * 4096;

/** Did a v1 group come to a limit of its own, not only to that of a group above? */
export function reachedOwnLimit(files: GroupFiles): boolean {
  return ['memory', 'memory.memsw'].some((which) => {
    const peak = files.number(`${which}.max_usage_in_bytes`);
    const limit = files.number(`${which}.limit_in_bytes`);
    return peak !== undefined && limit !== undefined && peak > limit - CHARGE_BYTES;
  });
}

/** Memory + swap is charged before memory. Newer kernels (seen: 6.18) count no failures there: then 0 would be a lie. */
function v1MemoryFailures(files: GroupFiles): number | undefined {
  const memory = files.number('memory.failcnt');
  if (memory === undefined) return undefined;
  const failures = memory + (files.number('memory.memsw.failcnt') ?? 0);
  return failures === 0 && reachedOwnLimit(files) ? undefined : failures;
}

/** In nanoseconds since 4.8, else in ticks. */
function v1CpuTime(files: GroupFiles, key: string, file: string): number | undefined {
  const exact = files.number(file);
  if (exact !== undefined) return exact / 1e6;
  const ticks = files.key('cpuacct.stat', key);
  return ticks === undefined ? undefined : ticks * TICK_MS;
}
