/**
 * A row per measurement: how each version of control groups tells it. Times are milliseconds, as exact as the kernel
 * gives them.
 *
 * No file tells what is `unknown`, `sampled` (the peak of another row, of whoever reads often), `counted` (by
 * perf-counters.ts) or on the `clock` of whoever watches.
 */
import { STAT_NAMES, type StatName, type Stats } from '@kolejka/protocol';
import type { GroupFiles } from './group-files.ts';
import { pressure, programMemory, throttled, v1CpuTime, v1Io, v1Pressure, v2Io } from './stat-files.ts';

type Reader = ((files: GroupFiles) => number | undefined) | 'unknown' | 'sampled' | 'counted' | 'clock';
export type StatTable = Record<StatName, Reader>;

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
  cpu_user: (files) => v1CpuTime(files, 'user'),
  cpu_system: (files) => v1CpuTime(files, 'system'),
  cpu_periods: (files) => files.key('cpu.stat', 'nr_periods'),
  cpu_throttled_periods: (files) => files.key('cpu.stat', 'nr_throttled'),
  cpu_throttled_time: (files) => scaled(throttled(files, 'throttled_time'), 1e6),
  memory_usage: (files) => files.number('memory.usage_in_bytes'),
  memory_max_usage: (files) => files.number('memory.max_usage_in_bytes'),
  memory_swap: (files) => files.key('memory.stat', 'total_swap'),
  // The peak of memory and swap together is there, but it is not the sum of two peaks.
  memory_max_swap: 'unknown',
  memory_failures: v1MemoryFailures,
  memory_oom_kills: (files) => total(files.keyBelow('memory.oom_control', 'oom_kill')),
  memory_program: (files) => programMemory(files, ['total_rss', 'total_shmem']),
  memory_max_program: 'sampled',
  pids_usage: (files) => files.number('pids.current'),
  pids_max_usage: (files) => files.number('pids.peak'),
  pids_failures: (files) => total(refusedForks(files)),
  perf_instructions: 'counted',
  perf_cycles: 'counted',
  time: 'clock',
  io_read: (files) => v1Io(files, 'bytes', 'Read'),
  io_written: (files) => v1Io(files, 'bytes', 'Write'),
  io_reads: (files) => v1Io(files, 'operations', 'Read'),
  io_writes: (files) => v1Io(files, 'operations', 'Write'),
  pressure_cpu_some: (files) => v1Pressure(files, 'cpu', 'some'),
  pressure_cpu_full: (files) => v1Pressure(files, 'cpu', 'full'),
  pressure_memory_some: (files) => v1Pressure(files, 'memory', 'some'),
  pressure_memory_full: (files) => v1Pressure(files, 'memory', 'full'),
  pressure_io_some: (files) => v1Pressure(files, 'io', 'some'),
  pressure_io_full: (files) => v1Pressure(files, 'io', 'full'),
} as const satisfies StatTable;

export const V2_STATS = {
  cpu_usage: (files) => scaled(files.key('cpu.stat', 'usage_usec'), 1e3),
  cpu_user: (files) => scaled(files.key('cpu.stat', 'user_usec'), 1e3),
  cpu_system: (files) => scaled(files.key('cpu.stat', 'system_usec'), 1e3),
  cpu_periods: (files) => files.key('cpu.stat', 'nr_periods'),
  cpu_throttled_periods: (files) => files.key('cpu.stat', 'nr_throttled'),
  cpu_throttled_time: (files) => scaled(throttled(files, 'throttled_usec'), 1e3),
  memory_usage: (files) => files.number('memory.current'),
  memory_max_usage: (files) => files.number('memory.peak'),
  memory_swap: (files) => files.number('memory.swap.current'),
  memory_max_swap: (files) => files.number('memory.swap.peak'),
  memory_failures: (files) => files.key('memory.events', 'max'),
  memory_oom_kills: (files) => files.key('memory.events', 'oom_kill'),
  memory_program: (files) => programMemory(files, ['anon', 'shmem']),
  memory_max_program: 'sampled',
  pids_usage: (files) => files.number('pids.current'),
  pids_max_usage: (files) => files.number('pids.peak'),
  pids_failures: (files) => total(refusedForks(files)),
  perf_instructions: 'counted',
  perf_cycles: 'counted',
  time: 'clock',
  io_read: (files) => v2Io(files, 'rbytes'),
  io_written: (files) => v2Io(files, 'wbytes'),
  io_reads: (files) => v2Io(files, 'rios'),
  io_writes: (files) => v2Io(files, 'wios'),
  pressure_cpu_some: (files) => pressure(files, 'cpu', 'some'),
  pressure_cpu_full: (files) => pressure(files, 'cpu', 'full'),
  pressure_memory_some: (files) => pressure(files, 'memory', 'some'),
  pressure_memory_full: (files) => pressure(files, 'memory', 'full'),
  pressure_io_some: (files) => pressure(files, 'io', 'some'),
  pressure_io_full: (files) => pressure(files, 'io', 'full'),
} as const satisfies StatTable;

/**
 * What a table can read of a group now.
 * @param names those that are wanted; the CPUs come with all of them only
 */
export function readStats(table: StatTable, group: GroupFiles, names: readonly StatName[] = STAT_NAMES): Stats {
  const files = group.once();
  const stats: Stats = {};
  for (const name of names) {
    const reader = table[name];
    const value = typeof reader === 'function' ? reader(files) : undefined;
    if (value !== undefined) stats[name] = value;
  }
  const cpus = names === STAT_NAMES ? files.text('cpuacct.usage_percpu')?.trim().split(/\s+/) : undefined;
  if (cpus !== undefined) stats.cpus = Object.fromEntries(cpus.map((time, cpu) => [cpu, Number(time) / 1e6]));
  return stats;
}

/** A charge that did not fit and was not taken: the kernel asks for up to 64 pages ahead. */
const CHARGE_BYTES = 64 * 4096;

/** Did a v1 group come to a limit of its own, not only to that of a group above? */
export function reachedOwnLimit(files: GroupFiles): boolean {
  return ['memory', 'memory.memsw'].some((which) => {
    const limit = files.number(`${which}.limit_in_bytes`);
    if (limit === undefined || limit > Number.MAX_SAFE_INTEGER) return false;
    return (files.number(`${which}.max_usage_in_bytes`) ?? 0) > limit - CHARGE_BYTES;
  });
}

/** Memory + swap is charged before memory. Newer kernels (seen: 6.18) count no failures there: then 0 would be a lie. */
function v1MemoryFailures(files: GroupFiles): number | undefined {
  const memory = files.number('memory.failcnt');
  if (memory === undefined) return undefined;
  const failures = memory + (files.number('memory.memsw.failcnt') ?? 0);
  return failures === 0 && reachedOwnLimit(files) ? undefined : failures;
}
