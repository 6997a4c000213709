import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { findEngine } from './engine-api.mjs';
import { run, startDetached, which } from './run.mjs';
import { SetupError } from './say.mjs';

const log = '/var/log/docker.log';
const patienceMs = 60_000;

// Who writes which file. dockerd believes any living process with that number, so after a crash or a reboot of a machine
// whose /run is on disk, a stranger that got the number keeps it from starting.
const pidFiles = [
  { file: '/var/run/docker.pid', program: 'dockerd' },
  { file: '/var/run/docker/containerd/containerd.pid', program: 'containerd' },
];

/** Starts the Docker engine and returns once it answers. */
export async function startDockerd() {
  // An installation may have started it, and another set-up may be doing so at this moment.
  if (await answersWithin(isRunning() ? patienceMs : 0)) return;
  const child = await (underSystemd() ? startUnit() : startProcess());
  if (await answersWithin(patienceMs, () => child?.exitCode > 0 && !isRunning())) return;
  const where = underSystemd() ? 'what `journalctl -u docker` says' : `the end of ${log}`;
  throw new SetupError(`The Docker engine was started but does not answer: see ${where}.`);
}

const underSystemd = () => existsSync('/run/systemd/system');

async function startUnit() {
  await run('systemctl', ['start', 'docker']).catch(() => {
    throw new SetupError('`systemctl start docker` failed: see what `journalctl -u docker` says.');
  });
}

// Not `service docker start`: Debian's script also mounts every cgroup v1 controller it finds unmounted, and how this
// machine divides its controllers is not ours to change.
async function startProcess() {
  removeStalePidFiles();
  const output = openSync(log, 'a');
  // The number of open files that the distribution's own unit and script grant it.
  const script = 'ulimit -n 1048576 2>/dev/null; exec "$0"';
  const child = await startDetached('/bin/sh', ['-c', script, which('dockerd')], output);
  closeSync(output);
  return child;
}

function removeStalePidFiles() {
  for (const { file, program } of pidFiles) if (!writerLives(file, program)) rmSync(file, { force: true });
}

const isRunning = () => writerLives(pidFiles[0].file, pidFiles[0].program);

function writerLives(file, program) {
  try {
    const pid = readFileSync(file, 'utf8').trim();
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === program;
  } catch {
    return false; // No such file, or no such process.
  }
}

async function answersWithin(milliseconds, isHopeless = () => false) {
  for (const end = Date.now() + milliseconds; ; await sleep(200)) {
    if ((await findEngine()).version) return true;
    if (Date.now() >= end || isHopeless()) return false;
  }
}
