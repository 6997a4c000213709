/** Ceilings of the server: what no task gets more of, whatever it asks for. */
import { limitSettings, limitsIn, type Setting } from '@kolejka/program';
import { combineLimits, LIMIT_NAMES, type LimitName, LIMITS, type Limits } from '@kolejka/protocol';

type CeilingName = `limit_${LimitName}`;
const settingOf = (name: LimitName): CeilingName => `limit_${name}`;

/** A place is no amount: a ceiling on the first CPU of a set would put all tasks on the same ones. */
const CEILINGS = LIMIT_NAMES.filter((name) => !name.endsWith('_offset'));

/** A setting for each limit that is an amount: `limit_memory`, KOLEJKA_SERVER_LIMIT_MEMORY. */
export const CEILING_SETTINGS = ceilingSettings();

function ceilingSettings(): Record<CeilingName, Setting<number | boolean>> {
  const rows = limitSettings('task', 'most that a task gets');
  return Object.fromEntries(
    CEILINGS.map((name) => [
      settingOf(name),
      { ...rows[name], env: `KOLEJKA_SERVER_${settingOf(name).toUpperCase()}` },
    ]),
  ) as Record<CeilingName, Setting<number | boolean>>;
}

/** The ceilings among the settings. */
export function ceilingsIn(settings: Partial<Record<CeilingName, unknown>>): Limits {
  return limitsIn(Object.fromEntries(CEILINGS.map((name) => [name, settings[settingOf(name)]])));
}

/**
 * What a task asks for, under the ceilings: the lower of both, and the ceiling where the task states nothing. What a
 * task has none of when it states nothing (a network, GPUs) a ceiling does not give it; and a ceiling that is not set
 * takes nothing away (the original's takes the GPUs).
 */
export function underCeilings(asked: Limits, ceilings: Limits): Limits {
  const holding = LIMIT_NAMES.filter((name) => name in asked || !('absent' in LIMITS[name]));
  const held = Object.fromEntries(holding.map((name) => [name, ceilings[name]]));
  return { ...asked, ...combineLimits(asked, held) };
}
