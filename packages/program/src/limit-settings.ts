/** Limits as settings and flags: one of each for every row of the table, the same in all our programs. */
import {
  GridError,
  LIMIT_NAMES,
  LIMITS,
  type LimitName,
  type Limits,
  type LimitsOf,
  parseLimit,
} from '@kolejka/protocol';
import type { Command } from 'commander';
import type { Setting } from './config.ts';

/**
 * A setting for each limit.
 * @param of whose they are: a task must ask for something sensible, a node may offer 0
 * @param what begins the sentence about each
 */
export function limitSettings(of: LimitsOf, what: string): Record<LimitName, Setting<number | boolean>> {
  const rows = LIMIT_NAMES.map((name) => {
    const parse = (text: unknown, field: string) =>
      LIMITS[name].unit === 'flag' ? parseYesOrNo(text, field) : parseLimit(name, text, field, of);
    return [name, { parse, about: `${what}: ${LIMITS[name].about}` }];
  });
  return Object.fromEntries(rows) as Record<LimitName, Setting<number | boolean>>;
}

const YES = ['yes', 'true', '1', 'on'];
const NO = ['no', 'false', '0', 'off'];

/**
 * A setting that is yes or no. In tasks every other word is yes, as in the original; in settings `off` must not open the
 * network, nor a misspelt word be taken for yes.
 * @throws GridError `bad-value`
 */
export function parseYesOrNo(text: unknown, field: string): boolean {
  const word = String(text).trim().toLowerCase();
  if (YES.includes(word)) return true;
  if (NO.includes(word)) return false;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is neither yes nor no`, { field });
}

/** The limits among the values of a configuration. */
export function limitsIn(config: Record<string, unknown>): Limits {
  return Object.fromEntries(LIMIT_NAMES.map((name) => [name, config[name]]).filter(([, value]) => value !== undefined));
}

/** Adds a flag for each limit: `--gpu-memory <bytes>`. @param what begins the sentence about each */
export function addLimitFlags(command: Command, what: string): Command {
  for (const name of LIMIT_NAMES) {
    const { unit, about } = LIMITS[name];
    const value = unit === 'flag' ? 'yes|no' : unit === 'big count' ? 'count' : unit;
    command.option(`--${name.replaceAll('_', '-')} <${value}>`, `${what}: ${about}`);
  }
  return command;
}

/** The values of flags by the names of settings: commander calls `gpu_memory` gpuMemory. */
export function flagValues(flags: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  const attribute = (name: string) => name.replaceAll(/_(\w)/g, (_all, letter: string) => letter.toUpperCase());
  return Object.fromEntries(names.map((name) => [name, flags[attribute(name)]]));
}
