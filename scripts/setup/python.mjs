// Python, in which tests talk to the observer as the original's programs inside containers do.
import { aptInstall, distribution } from './debian.mjs';
import { which } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** Installs it when it is missing. */
export async function setUpPython() {
  if (which('python3')) return;
  if (!distribution()) throw new SetupError('Install Python 3 and try again: tests need it.');
  await aptInstall('python3');
  say('Installed Python for the tests.');
}
