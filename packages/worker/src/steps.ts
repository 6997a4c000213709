/** The steps of a run, for whoever follows one in the log. */
import type { Log } from '@kolejka/program';
import type { MESSAGES } from './messages.ts';
import type { Run } from './runs.ts';

/** In their order. A run that fails leaves some out, and goes on with `result`. */
export const STEPS = [
  'workspace',
  'image',
  'group',
  'container',
  'start',
  'run',
  'stop',
  'collect',
  'result',
  'close',
] as const;

export type Step = (typeof STEPS)[number];

/** Says a step before it is done. */
export function sayStep(log: Log<typeof MESSAGES>, { id }: Run, step: Step): void {
  log.say('step', { run: id, step });
}
