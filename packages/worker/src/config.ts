/** Settings of the worker: `[worker]` of kolejka.conf, environment, flags. */
import { type Setting, parseString } from '@kolejka/program';
import { LIMIT_NAMES, LIMITS, type LimitName, OBSERVER_SOCKET, parseFlag, parseLimit } from '@kolejka/protocol';
import { DEFAULT_TEMP } from './runs.ts';

/** One setting per limit: the ceiling of this node. */
const ceilings = Object.fromEntries(
  LIMIT_NAMES.map((name) => [
    name,
    { parse: (text: unknown, field: string) => parseLimit(name, text, field, 'budget'), about: LIMITS[name].about },
  ]),
) as Record<LimitName, Setting<number | boolean>>;

export const CONFIG = {
  temp: {
    parse: parseString,
    default: DEFAULT_TEMP,
    env: 'KOLEJKA_TEMP',
    about: 'directory for the directories of runs',
  },
  pull: { parse: parseFlag, default: false, about: 'pull images even when a local version is there' },
  observer: {
    parse: parseString,
    default: OBSERVER_SOCKET,
    env: 'KOLEJKA_OBSERVER_SOCKET',
    about: "the observer's socket",
  },
  ...ceilings,
};
