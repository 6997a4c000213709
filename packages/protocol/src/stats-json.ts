/** Stats as JSON, nested as the original has them. */
import { GridError } from './errors.ts';
import { STAT_NAMES, type StatRow, STATS, type Stats } from './stats.ts';
import { UNITS } from './units.ts';

/** Groups that the original always writes, empty or not, in its order. */
const ALWAYS = ['cpu', 'cpus', 'memory', 'pids', 'perf', 'time', 'gpus'];
/** Groups that it does not know: behind its own, and only with something in them. */
export const OWN_GROUPS: readonly string[] = ['io', 'pressure'];

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
    else ((printed[place[0]] ??= {}) as Record<string, unknown>)[place[1]] = text;
  }
  for (const [cpu, value] of Object.entries(stats.cpus ?? {})) {
    (printed['cpus'] as Record<string, unknown>)[cpu] = { usage: UNITS.duration.print(value) };
  }
  return Object.fromEntries(
    [...ALWAYS, ...OWN_GROUPS].filter((group) => group in printed).map((group) => [group, printed[group]]),
  );
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
