import { aptInstall, distribution } from './debian.mjs';
import { startDockerd } from './dockerd.mjs';
import { defaultHost, findEngine, host } from './engine-api.mjs';
import { which } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** Leaves a Docker engine that answers: the one that runs, or the distribution's, installed if need be and started. */
export async function setUpEngine() {
  const { version, problem } = await findEngine();
  if (version) return;
  refuseWhatWeMayNotTouch(problem);

  const installed = which('dockerd') ? undefined : await installDockerd();
  await startDockerd();

  const started = await findEngine();
  const origin = installed
    ? `installed ${installed}'s docker.io ${started.version}`
    : `found Docker ${started.version}`;
  say(`No Docker engine was running: ${origin} and started it.`);
}

function refuseWhatWeMayNotTouch(problem) {
  if (host !== defaultHost) {
    throw new SetupError(`No Docker engine answers on DOCKER_HOST=${host}: start it there, or unset DOCKER_HOST.`);
  }
  if (problem === 'EACCES') {
    throw new SetupError(
      'A Docker engine is here but this user may not use it: run as root or join the group "docker".',
    );
  }
  if (process.getuid?.() !== 0) {
    throw new SetupError('No Docker engine is running: start one, or run this as root, and try again.');
  }
}

async function installDockerd() {
  const name = distribution();
  if (!name) throw new SetupError('No Docker engine is installed: install one, start it, and try again.');
  await aptInstall('docker.io');
  return name;
}
