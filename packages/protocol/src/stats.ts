/**
 * What can be measured of a task or a session: one row each.
 *
 * `place` is where the original's JSON has it, those that it does not know behind those that it does. `fold` says what
 * two samples of one group make: `last` the later one, `peak` the larger one, `sum` both together. `v1` and `v2` are the
 * kernel's file on each version of control groups, and the key in it. A measurement the kernel cannot give is absent,
 * never 0.
 */
import type { Unit } from './units.ts';

export interface StatRow {
  place: readonly [string] | readonly [string, string];
  unit: Unit;
  fold: 'last' | 'peak' | 'sum';
  about: string;
  /** Undefined where no kernel of that version can tell. */
  v1: string | undefined;
  v2: string | undefined;
}

/** As the kernel's own performance counters have it: no file, a system call. */
const PERF_EVENT = 'perf_event_open(2)';

/** Wall time is the engine's or the observer's. */
const CLOCK = 'the clock of whoever watches';

export const STATS = {
  cpu_usage: {
    place: ['cpu', 'usage'],
    unit: 'duration',
    fold: 'peak',
    about: 'CPU time of all processes',
    v1: 'cpuacct.usage',
    v2: 'cpu.stat usage_usec',
  },
  cpu_system: {
    place: ['cpu', 'system'],
    unit: 'duration',
    fold: 'peak',
    about: 'CPU time in the kernel, as its ticks saw it',
    v1: 'cpuacct.usage_sys',
    v2: 'cpu.stat system_usec',
  },
  cpu_user: {
    place: ['cpu', 'user'],
    unit: 'duration',
    fold: 'peak',
    about: "CPU time in user mode, as the kernel's ticks saw it",
    v1: 'cpuacct.usage_user',
    v2: 'cpu.stat user_usec',
  },
  cpu_periods: {
    place: ['cpu', 'periods'],
    unit: 'count',
    fold: 'peak',
    about: 'periods of a quota on CPU time, where the group has one',
    v1: 'cpu.stat nr_periods',
    v2: 'cpu.stat nr_periods',
  },
  cpu_throttled_periods: {
    place: ['cpu', 'throttled_periods'],
    unit: 'count',
    fold: 'peak',
    about: 'periods whose quota was used up',
    v1: 'cpu.stat nr_throttled',
    v2: 'cpu.stat nr_throttled',
  },
  cpu_throttled_time: {
    place: ['cpu', 'throttled_time'],
    unit: 'duration',
    fold: 'peak',
    about: 'time that CPUs were kept from it, since Linux 6.6 also by quotas of groups above',
    v1: 'cpu.stat.local throttled_time',
    v2: 'cpu.stat.local throttled_usec',
  },
  memory_usage: {
    place: ['memory', 'usage'],
    unit: 'bytes',
    fold: 'last',
    about: 'memory now, page cache included',
    v1: 'memory.usage_in_bytes',
    v2: 'memory.current',
  },
  memory_max_usage: {
    place: ['memory', 'max_usage'],
    unit: 'bytes',
    fold: 'peak',
    about: 'largest memory, page cache included',
    v1: 'memory.max_usage_in_bytes',
    v2: 'memory.peak',
  },
  memory_swap: {
    place: ['memory', 'swap'],
    unit: 'bytes',
    fold: 'last',
    about: 'swap now',
    v1: 'memory.stat total_swap',
    v2: 'memory.swap.current',
  },
  memory_max_swap: {
    place: ['memory', 'max_swap'],
    unit: 'bytes',
    fold: 'peak',
    about: 'largest swap',
    v1: undefined,
    v2: 'memory.swap.peak',
  },
  memory_failures: {
    place: ['memory', 'failures'],
    unit: 'count',
    fold: 'peak',
    about: 'how often the memory limit was reached',
    v1: 'memory.failcnt',
    v2: 'memory.events max',
  },
  memory_oom_kills: {
    place: ['memory', 'oom_kills'],
    unit: 'count',
    fold: 'peak',
    about: 'how often the kernel killed for memory',
    v1: 'memory.oom_control oom_kill',
    v2: 'memory.events oom_kill',
  },
  memory_program: {
    place: ['memory', 'program'],
    unit: 'bytes',
    fold: 'last',
    about: 'memory now without page cache: anonymous and shared',
    v1: 'memory.stat total_rss + total_shmem',
    v2: 'memory.stat anon + shmem',
  },
  memory_max_program: {
    place: ['memory', 'max_program'],
    unit: 'bytes',
    fold: 'peak',
    about: 'largest memory without page cache that was seen in samples',
    v1: 'memory.stat total_rss + total_shmem',
    v2: 'memory.stat anon + shmem',
  },
  pids_usage: {
    place: ['pids', 'usage'],
    unit: 'count',
    fold: 'last',
    about: 'processes and threads now',
    v1: 'pids.current',
    v2: 'pids.current',
  },
  pids_max_usage: {
    place: ['pids', 'max_usage'],
    unit: 'count',
    fold: 'peak',
    about: 'most processes and threads at one time',
    v1: 'pids.peak',
    v2: 'pids.peak',
  },
  pids_failures: {
    place: ['pids', 'failures'],
    unit: 'count',
    fold: 'peak',
    about: 'how often a fork was refused by the limit',
    v1: 'pids.events max',
    v2: 'pids.events max',
  },
  perf_instructions: {
    place: ['perf', 'instructions'],
    unit: 'big count',
    fold: 'sum',
    about: 'CPU instructions in user mode; counted where a limit is stated',
    v1: PERF_EVENT,
    v2: PERF_EVENT,
  },
  perf_cycles: {
    place: ['perf', 'cycles'],
    unit: 'big count',
    fold: 'sum',
    about: 'CPU cycles in user mode; counted where a limit is stated',
    v1: PERF_EVENT,
    v2: PERF_EVENT,
  },
  time: { place: ['time'], unit: 'duration', fold: 'peak', about: 'wall time from start to end', v1: CLOCK, v2: CLOCK },
  io_read: {
    place: ['io', 'read'],
    unit: 'bytes',
    fold: 'peak',
    about: 'bytes read from block devices',
    v1: 'blkio.throttle.io_service_bytes_recursive Read',
    v2: 'io.stat rbytes',
  },
  io_written: {
    place: ['io', 'written'],
    unit: 'bytes',
    fold: 'peak',
    about: 'bytes written to block devices',
    v1: 'blkio.throttle.io_service_bytes_recursive Write',
    v2: 'io.stat wbytes',
  },
  io_reads: {
    place: ['io', 'reads'],
    unit: 'count',
    fold: 'peak',
    about: 'read operations on block devices',
    v1: 'blkio.throttle.io_serviced_recursive Read',
    v2: 'io.stat rios',
  },
  io_writes: {
    place: ['io', 'writes'],
    unit: 'count',
    fold: 'peak',
    about: 'write operations on block devices',
    v1: 'blkio.throttle.io_serviced_recursive Write',
    v2: 'io.stat wios',
  },
  pressure_cpu_some: {
    place: ['pressure', 'cpu_some'],
    unit: 'duration',
    fold: 'peak',
    about: 'time that a process waited for a CPU',
    v1: 'cpu.pressure some total',
    v2: 'cpu.pressure some total',
  },
  pressure_cpu_full: {
    place: ['pressure', 'cpu_full'],
    unit: 'duration',
    fold: 'peak',
    about: 'time that all of its processes that had work waited for a CPU',
    v1: 'cpu.pressure full total',
    v2: 'cpu.pressure full total',
  },
  pressure_memory_some: {
    place: ['pressure', 'memory_some'],
    unit: 'duration',
    fold: 'peak',
    about: 'time that a process waited for memory',
    v1: 'memory.pressure some total',
    v2: 'memory.pressure some total',
  },
  pressure_memory_full: {
    place: ['pressure', 'memory_full'],
    unit: 'duration',
    fold: 'peak',
    about: 'time that all of its processes that had work waited for memory',
    v1: 'memory.pressure full total',
    v2: 'memory.pressure full total',
  },
  pressure_io_some: {
    place: ['pressure', 'io_some'],
    unit: 'duration',
    fold: 'peak',
    about: 'time that a process waited for a disk',
    v1: 'io.pressure some total',
    v2: 'io.pressure some total',
  },
  pressure_io_full: {
    place: ['pressure', 'io_full'],
    unit: 'duration',
    fold: 'peak',
    about: 'time that all of its processes that had work waited for a disk',
    v1: 'io.pressure full total',
    v2: 'io.pressure full total',
  },
} as const satisfies Record<string, StatRow>;

/** Name of a measurement of the table. */
export type StatName = keyof typeof STATS;
export const STAT_NAMES = Object.keys(STATS) as readonly StatName[];

/**
 * Stats are what was measured.
 *
 * Values in the units of the table; `cpus` is the CPU time of each CPU in milliseconds, where the kernel tells.
 * @word stats
 */
export type Stats = { [Name in StatName]?: number } & { cpus?: Record<string, number> };

/** Two samples of one group as one. `later` is the newer. */
export function foldStats(earlier: Stats, later: Stats): Stats {
  const folded: Stats = {};
  for (const name of STAT_NAMES) {
    const [before, after] = [earlier[name], later[name]];
    const value =
      before === undefined || after === undefined ? (after ?? before) : FOLDS[STATS[name].fold](before, after);
    if (value !== undefined) folded[name] = value;
  }
  const cpus = { ...earlier.cpus };
  for (const [cpu, value] of Object.entries(later.cpus ?? {})) cpus[cpu] = Math.max(value, cpus[cpu] ?? 0);
  if (earlier.cpus ?? later.cpus) folded.cpus = cpus;
  return folded;
}

const FOLDS = {
  last: (_before: number, after: number) => after,
  peak: Math.max,
  sum: (before: number, after: number) => before + after,
} as const;
