/** Whether an engine can give its containers the task groups of this machine; if not, what to do about it. */
import { type Cgroups, openCgroups } from '@kolejka/observer/cgroup';
import { GridError } from '@kolejka/protocol';
import type { Engine } from './engine.ts';

/** A row per engine: how its groups are made by hand. */
const TO_CGROUPFS: Record<string, string> = {
  Docker: 'put {"exec-opts": ["native.cgroupdriver=cgroupfs"]} in /etc/docker/daemon.json and restart it',
  Podman: 'put cgroup_manager = "cgroupfs" below [engine] in /etc/containers/containers.conf and restart its service',
};

/** A row per reason: what is so of an engine that is not fit, and the sentence that says what to do. */
const UNFIT: readonly { isSo: (engine: Engine, version: 1 | 2) => boolean; say: (engine: Engine) => string }[] = [
  {
    isSo: ({ isRootless }) => isRootless,
    say: ({ name }) =>
      `this ${name} runs without root and may not limit tasks; unset DOCKER_HOST, or name that of root`,
  },
  {
    isSo: ({ cgroupVersion }, version) => cgroupVersion === undefined && version === 2,
    say: ({ name }) => `this ${name} does not know cgroup v2, which this machine has; install a newer one`,
  },
  {
    isSo: ({ cgroupVersion }, version) => cgroupVersion !== undefined && Number(cgroupVersion) !== version,
    say: ({ name, cgroupVersion }) =>
      `this ${name} sees cgroup v${cgroupVersion} and the worker does not; they must run on one machine: unset DOCKER_HOST`,
  },
  {
    isSo: ({ cgroupDriver }) => cgroupDriver !== 'cgroupfs' && cgroupDriver !== 'systemd',
    say: ({ name, cgroupDriver }) => `it has the cgroup driver "${cgroupDriver}"; ${toCgroupfs(name)}`,
  },
  {
    isSo: ({ cgroupDriver }, version) => cgroupDriver === 'systemd' && version === 1,
    say: ({ name }) =>
      `it has the cgroup driver "systemd", which on cgroup v1 makes no groups for tasks; ${toCgroupfs(name)}`,
  },
];

function toCgroupfs(name: string): string {
  return TO_CGROUPFS[name] ?? 'set it to "cgroupfs"';
}

/** @throws GridError `node-unfit` saying what to do */
export function requireFit(engine: Engine, version: 1 | 2): void {
  const unfit = UNFIT.find(({ isSo }) => isSo(engine, version));
  if (unfit === undefined) return;
  throw new GridError('node-unfit', `${engine.name} ${engine.version} is not fit for tasks: ${unfit.say(engine)}.`);
}

/** The control groups of this machine as this engine takes them. @throws GridError `node-unfit` saying what to do */
export function openCgroupsOf(engine: Engine): Cgroups {
  requireFit(engine, openCgroups().version);
  return openCgroups(engine.cgroupDriver);
}
