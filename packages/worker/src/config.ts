/** Settings of the worker: `[worker]` of kolejka.conf, environment, flags. */
import { limitSettings, parseString, parseYesOrNo } from '@kolejka/program';
import { OBSERVER_SOCKET } from '@kolejka/protocol';
import { DEFAULT_TEMP } from './runs.ts';

export const CONFIG = {
  temp: {
    parse: parseString,
    default: DEFAULT_TEMP,
    env: 'KOLEJKA_TEMP',
    about: 'directory for the directories of runs',
  },
  pull: { parse: parseYesOrNo, default: false, about: 'pull images even when a local version is there' },
  observer: {
    parse: parseString,
    default: OBSERVER_SOCKET,
    env: 'KOLEJKA_OBSERVER_SOCKET',
    about: "the observer's socket",
  },
  ...limitSettings('budget', 'ceiling of this node'),
};
