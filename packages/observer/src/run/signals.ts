/** Signals to `kolejka-runner` are for the program; who insists, ends the session. */
import type { Reachable } from './start.ts';

const PASSED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
/** Those that a terminal sends to all in front of it. */
const OF_KEYS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/**
 * Passes signals on; the second that asks for an end kills all of the session. To be called before the program begins:
 * a signal that ended us after that would leave it running alone.
 * @param hearsKeys whether the keys of a terminal reach it by themselves
 */
export function passSignals(program: Reachable, hearsKeys: boolean): void {
  let isAsked = false;
  for (const signal of PASSED) {
    process.on(signal, () => {
      if (isAsked && ENDING.includes(signal)) program.kill().catch(() => undefined);
      else if (!(OF_KEYS.includes(signal) && hearsKeys)) program.signal(signal);
      isAsked ||= ENDING.includes(signal);
    });
  }
}
