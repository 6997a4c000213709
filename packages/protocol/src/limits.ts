/**
 * The 17 limits: one row each, in the order in which the original writes them.
 *
 * A row says in which unit a limit is, what the least sensible value in a task is, how two ceilings combine, and how
 * a task spends a node's budget. Other packages answer this table with tables of their own, typed
 * `satisfies Record<LimitName, …>`: add a row, and the compiler shows every place that has to say what it does about it.
 */
import { GridError } from './errors.ts';
import { parseFlag, type Unit, UNITS } from './units.ts';

interface LimitRow {
  unit: Unit | 'flag';
  /** Least value a task may ask for. A node's budget may be 0 of anything. */
  least: number;
  /** `minimum`: the lower ceiling holds, absent loses. `absent wins`: a side without it takes it away. */
  combine: 'minimum' | 'absent wins';
  /**
   * How tasks that run together spend it. `sum`: all of them count. `image`: tasks of one image share it, images add
   * up. `compare`: each for itself. `none`: not part of fitting.
   */
  spend: 'sum' | 'image' | 'compare' | 'none';
  /** What a task that does not state it asks for, where that is not "whatever the node gives". */
  absent?: number | false;
  about: string;
}

export const LIMITS = {
  cpus: { unit: 'count', least: 1, combine: 'minimum', spend: 'sum', about: 'CPUs the task may use' },
  cpus_offset: {
    unit: 'count',
    least: 0,
    combine: 'minimum',
    spend: 'none',
    about: 'first CPU of the set, counted from 0',
  },
  memory: {
    unit: 'bytes',
    least: 1,
    combine: 'minimum',
    spend: 'sum',
    about: 'memory of all processes, page cache included',
  },
  swap: { unit: 'bytes', least: 0, combine: 'minimum', spend: 'sum', about: 'swap beside the memory' },
  network: {
    unit: 'flag',
    least: 0,
    combine: 'minimum',
    spend: 'compare',
    absent: false,
    about: 'may the task reach a network',
  },
  pids: { unit: 'count', least: 1, combine: 'minimum', spend: 'sum', about: 'processes and threads at one time' },
  storage: {
    unit: 'bytes',
    least: 0,
    combine: 'minimum',
    spend: 'sum',
    about: 'bytes the container may write outside its workspace',
  },
  image: { unit: 'bytes', least: 0, combine: 'minimum', spend: 'image', about: 'size of the container image' },
  workspace: {
    unit: 'bytes',
    least: 0,
    combine: 'minimum',
    spend: 'sum',
    about: 'bytes in the task and result directories',
  },
  time: { unit: 'duration', least: 0.001, combine: 'minimum', spend: 'compare', about: 'wall time from start to end' },
  gpus: { unit: 'count', least: 0, combine: 'absent wins', spend: 'sum', absent: 0, about: 'GPUs the task may use' },
  gpus_offset: {
    unit: 'count',
    least: 0,
    combine: 'absent wins',
    spend: 'none',
    about: 'first GPU of the set, counted from 0',
  },
  gpu_memory: {
    unit: 'bytes',
    least: 0,
    combine: 'absent wins',
    spend: 'compare',
    absent: 0,
    about: 'memory each GPU must have',
  },
  perf_instructions: {
    unit: 'big count',
    least: 1,
    combine: 'minimum',
    spend: 'sum',
    about: 'CPU instructions in user mode',
  },
  perf_cycles: { unit: 'big count', least: 1, combine: 'minimum', spend: 'sum', about: 'CPU cycles in user mode' },
  cgroup_depth: {
    unit: 'count',
    least: 0,
    combine: 'minimum',
    spend: 'compare',
    about: 'levels of groups below the task',
  },
  cgroup_descendants: { unit: 'count', least: 0, combine: 'minimum', spend: 'sum', about: 'groups below the task' },
} as const satisfies Record<string, LimitRow>;

/** Name of a limit of the table, as it is written in a task. */
export type LimitName = keyof typeof LIMITS;
export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[];

/**
 * Limits are ceilings a task asks for or a node grants.
 *
 * Values are in the units of the table (bytes, milliseconds, counts); an absent one is no ceiling.
 * @word limits
 */
export type Limits = { [Name in LimitName]?: (typeof LIMITS)[Name]['unit'] extends 'flag' ? boolean : number };

/** Who states the limits: a task must ask for something sensible, a node's budget may be used up. */
export type LimitsOf = 'task' | 'budget';

/**
 * Limits from JSON. Limits the table does not know are dropped, as the original does.
 * @param field dotted path of the object, for errors
 * @throws GridError `bad-value` naming the limit
 */
export function parseLimits(value: unknown, field = 'limits', of: LimitsOf = 'task'): Limits {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new GridError('bad-value', `${field}: expected an object of limits`, { field });
  }
  const given = value as Record<string, unknown>;
  const limits: Record<string, number | boolean> = {};
  for (const name of LIMIT_NAMES) {
    if (!Object.hasOwn(given, name) || given[name] === undefined || given[name] === null) continue;
    limits[name] = parseLimit(name, given[name], `${field}.${name}`, of);
  }
  return limits;
}

/** One limit from JSON or a flag. @throws GridError `bad-value` */
export function parseLimit(
  name: LimitName,
  value: unknown,
  field: string = name,
  of: LimitsOf = 'task',
): number | boolean {
  const row: LimitRow = LIMITS[name];
  if (row.unit === 'flag') return parseFlag(value, field);
  const parsed = UNITS[row.unit].parse(value, field);
  const least = of === 'task' ? row.least : 0;
  if (parsed < least) {
    throw new GridError('bad-value', `${field}: ${String(value)} is less than ${UNITS[row.unit].print(least)}`, {
      field,
    });
  }
  return parsed;
}

/** Limits as JSON, in the order and spelling of the original. */
export function printLimits(limits: Limits): Record<string, string | number | boolean> {
  const printed: Record<string, string | number | boolean> = {};
  for (const name of LIMIT_NAMES) {
    const value = limits[name];
    if (value !== undefined) printed[name] = printLimit(name, value);
  }
  return printed;
}

/** One limit as text or number. */
export function printLimit(name: LimitName, value: number | boolean): string | number | boolean {
  const row: LimitRow = LIMITS[name];
  return row.unit === 'flag' || typeof value === 'boolean' ? value : UNITS[row.unit].print(value);
}

/** Two ceilings as one: what holds when both do. */
export function combineLimits(one: Limits, other: Limits): Limits {
  const combined: Record<string, number | boolean> = {};
  for (const name of LIMIT_NAMES) {
    const [left, right] = [one[name], other[name]];
    if (left !== undefined && right !== undefined) {
      combined[name] = typeof left === 'boolean' ? left && Boolean(right) : Math.min(left, Number(right));
    } else if (LIMITS[name].combine === 'minimum') {
      const present = left ?? right;
      if (present !== undefined) combined[name] = present;
    }
  }
  return combined;
}
