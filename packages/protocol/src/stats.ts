/**
 * What can be measured of a task or a session: one row each.
 *
 * `place` is where the original's JSON has it. `fold` says what two samples of one group make: `last` the later one,
 * `peak` the larger one, `sum` both together. A measurement the kernel cannot give is absent, never 0.
 */
import { GridError } from './errors.ts';
import { type Unit, UNITS } from './units.ts';

interface StatRow {
  place: readonly [string] | readonly [string, string];
  unit: Unit;
  fold: 'last' | 'peak' | 'sum';
  about: string;
}

export const STATS = {
  cpu_usage: { place: ['cpu', 'usage'], unit: 'duration', fold: 'peak', about: 'CPU time of all processes' },
  cpu_system: { place: ['cpu', 'system'], unit: 'duration', fold: 'peak', about: 'CPU time in the kernel' },
  cpu_user: { place: ['cpu', 'user'], unit: 'duration', fold: 'peak', about: 'CPU time in user mode' },
  memory_usage: { place: ['memory', 'usage'], unit: 'bytes', fold: 'last', about: 'memory now, page cache included' },
  memory_max_usage: {
    place: ['memory', 'max_usage'],
    unit: 'bytes',
    fold: 'peak',
    about: 'largest memory, page cache included',
  },
  memory_swap: { place: ['memory', 'swap'], unit: 'bytes', fold: 'last', about: 'swap now' },
  memory_max_swap: { place: ['memory', 'max_swap'], unit: 'bytes', fold: 'peak', about: 'largest swap' },
  memory_failures: {
    place: ['memory', 'failures'],
    unit: 'count',
    fold: 'peak',
    about: 'how often the memory limit was reached',
  },
  memory_oom_kills: {
    place: ['memory', 'oom_kills'],
    unit: 'count',
    fold: 'peak',
    about: 'how often the kernel killed for memory',
  },
  pids_usage: { place: ['pids', 'usage'], unit: 'count', fold: 'last', about: 'processes and threads now' },
  pids_max_usage: {
    place: ['pids', 'max_usage'],
    unit: 'count',
    fold: 'peak',
    about: 'most processes and threads at one time',
  },
  pids_failures: {
    place: ['pids', 'failures'],
    unit: 'count',
    fold: 'peak',
    about: 'how often a fork was refused by the limit',
  },
  perf_instructions: {
    place: ['perf', 'instructions'],
    unit: 'big count',
    fold: 'sum',
    about: 'CPU instructions in user mode',
  },
  perf_cycles: { place: ['perf', 'cycles'], unit: 'big count', fold: 'sum', about: 'CPU cycles in user mode' },
  time: { place: ['time'], unit: 'duration', fold: 'peak', about: 'wall time from start to end' },
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

/** Groups that the original always writes, empty or not, in its order. */
const ALWAYS = ['cpu', 'cpus', 'memory', 'pids', 'perf', 'time', 'gpus'];

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

/** Stats as the original's JSON. */
export function printStats(stats: Stats): Record<string, unknown> {
  const printed: Record<string, unknown> = {};
  for (const group of ALWAYS) if (group !== 'time') printed[group] = {};
  for (const name of STAT_NAMES) {
    const value = stats[name];
    if (value === undefined) continue;
    const { place, unit } = STATS[name] as StatRow;
    const text = UNITS[unit].print(value);
    if (place[1] === undefined) printed[place[0]] = text;
    else (printed[place[0]] as Record<string, unknown>)[place[1]] = text;
  }
  for (const [cpu, value] of Object.entries(stats.cpus ?? {})) {
    (printed['cpus'] as Record<string, unknown>)[cpu] = { usage: UNITS.duration.print(value) };
  }
  return Object.fromEntries(ALWAYS.filter((group) => group in printed).map((group) => [group, printed[group]]));
}

/**
 * Stats from JSON; what the table does not know is dropped.
 * @throws GridError `bad-value` naming the measurement
 */
export function parseStats(value: unknown, field = 'stats'): Stats {
  const given = asObject(value, field);
  const stats: Stats = {};
  for (const name of STAT_NAMES) {
    const { place, unit } = STATS[name] as StatRow;
    const found =
      place[1] === undefined ? given[place[0]] : asObject(given[place[0]], `${field}.${place[0]}`)[place[1]];
    if (found === undefined || found === null) continue;
    stats[name] = UNITS[unit].parse(found, `${field}.${place.join('.')}`);
  }
  const cpus: Record<string, number> = {};
  for (const [cpu, entry] of Object.entries(asObject(given['cpus'], `${field}.cpus`))) {
    if (!/^\d{1,5}$/.test(cpu)) continue;
    const at = `${field}.cpus.${cpu}`;
    const { usage } = asObject(entry, at);
    if (usage !== undefined && usage !== null) cpus[cpu] = UNITS.duration.parse(usage, `${at}.usage`);
  }
  return Object.keys(cpus).length > 0 ? { ...stats, cpus } : stats;
}

function asObject(value: unknown, field: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new GridError('bad-value', `${field}: expected an object`, { field });
}
