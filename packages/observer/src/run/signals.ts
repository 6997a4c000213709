/** Signals to `kolejka-runner` are for the program; who insists, ends the session. */
import type { Reachable } from './start.ts';

const PASSED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
/** Keys of a terminal reach the program by themselves. */
const OF_KEYS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/**
 * Passes signals on; the second that asks for an end kills all of the session. To be called before the program begins:
 * a signal that ended us after that would leave it running alone.
 */
export function passSignals(program: Reachable): void {
  let isAsked = false;
  for (const signal of PASSED) {
    process.on(signal, () => {
      if (isAsked && ENDING.includes(signal)) program.kill().catch(() => undefined);
      else if (!(OF_KEYS.includes(signal) && process.stdin.isTTY)) program.signal(signal);
      isAsked ||= ENDING.includes(signal);
    });
  }
}
