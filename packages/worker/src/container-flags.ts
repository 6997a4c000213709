/** A task as options of a container: hardened, without network unless asked for, with nothing of ours inside. */
import {
  GridError,
  LIMIT_NAMES,
  type LimitName,
  type Limits,
  OBSERVER_SOCKET,
  printLimit,
  type Task,
} from '@kolejka/protocol';
import type { ContainerCreateOptions } from 'dockerode';
import path from 'node:path';
import type { Network } from './network.ts';
import type { Image } from './image.ts';
import { INSIDE, type Workspace } from './workspace.ts';

/**
 * Who keeps each limit. `group`: the task group. `container`: an option below. `watch`: the worker's clock.
 * `image`: checked before the run. `nobody`: cannot be kept yet; a task that depends on it is refused.
 * `unkept`: not kept yet and not refused, because every client of the original states it.
 */
const KEEPERS = {
  cpus: 'group',
  cpus_offset: 'group',
  memory: 'group',
  swap: 'group',
  network: 'container',
  pids: 'group',
  storage: 'unkept',
  image: 'image',
  workspace: 'unkept',
  time: 'watch',
  gpus: 'nobody',
  gpus_offset: 'unkept',
  gpu_memory: 'nobody',
  perf_instructions: 'group',
  perf_cycles: 'group',
  cgroup_depth: 'group',
  cgroup_descendants: 'group',
} as const satisfies Record<LimitName, 'group' | 'container' | 'watch' | 'image' | 'nobody' | 'unkept'>;

/**
 * Refuses limits that this machine cannot keep.
 * @param whyNotKept why the task group cannot keep a limit here; undefined when it can
 * @throws GridError `limit-not-kept` naming the limit
 */
export function checkLimits(limits: Limits, whyNotKept: (name: LimitName) => string | undefined): void {
  for (const name of LIMIT_NAMES) {
    const value = limits[name];
    // A limit of 0 GPUs asks for nothing.
    if (value === undefined || (KEEPERS[name] === 'nobody' && value === 0)) continue;
    const why = KEEPERS[name] === 'group' ? whyNotKept(name) : undefined;
    if (KEEPERS[name] === 'nobody' || why !== undefined) {
      const said = `This node cannot keep the limit ${name} (${printLimit(name, value)})`;
      throw new GridError('limit-not-kept', why === undefined ? `${said}.` : `${said}: ${why}.`, {
        field: `limits.${name}`,
      });
    }
  }
}

/** More processes no kernel has (PID_MAX_LIMIT). */
const MOST_PIDS = 2 ** 22;

/** Judges run as root inside and switch to other users; everything else is dropped. */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'SETGID', 'SETUID', 'SYS_NICE'];

/** The environment every task starts with, as the original's; nothing of the image or the node is added. */
const ENVIRONMENT = {
  IFS: ' ',
  PATH: '/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin',
  PWD: INSIDE.task,
  USER: 'root',
  HOME: INSIDE.task,
} as const;

export interface ContainerPlan {
  name: string;
  task: Task;
  limits: Limits;
  workspace: Workspace;
  network: Network;
  /** The task group, as the engine takes it. */
  parent: string;
  image: Pick<Image, 'id' | 'variables'>;
  /** The directory of the observer's socket, when there is one. */
  observerDirectory: string | undefined;
  labels: Record<string, string>;
}

/** Options of the container that runs the task. */
export function containerOptions(plan: ContainerPlan): ContainerCreateOptions {
  const { task, workspace, network } = plan;
  const [command, ...rest] = task.args;
  return {
    name: plan.name,
    Image: plan.image.id,
    // The command replaces the image's entrypoint, as the original's own entrypoint did.
    Entrypoint: command === undefined ? [] : [command],
    Cmd: rest,
    WorkingDir: INSIDE.task,
    Hostname: 'kolejka',
    NetworkDisabled: network.disabled,
    User: '0:0',
    Env: environment(task, plan.image.variables),
    Labels: { ...plan.labels, 'kolejka.task': task.id ?? '' },
    // The image's own check would run in the task's group, and be measured.
    Healthcheck: { Test: ['NONE'] },
    Tty: false,
    OpenStdin: task.stdin !== undefined,
    StdinOnce: task.stdin !== undefined,
    AttachStdin: task.stdin !== undefined,
    AttachStdout: task.stdout !== undefined,
    AttachStderr: true,
    HostConfig: {
      CgroupParent: plan.parent,
      // The task group bounds them. With no number, or with -1, systemd gives the container a bound of its own.
      PidsLimit: MOST_PIDS,
      NetworkMode: network.mode,
      // A process with number 1 is deaf to signals it has no handler for; with an init, abort() and kill() work as usual.
      Init: true,
      CapDrop: ['ALL'],
      CapAdd: CAPABILITIES,
      SecurityOpt: ['no-new-privileges'],
      IpcMode: 'private',
      Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
      LogConfig: { Type: 'none', Config: {} },
      Mounts: [
        { Type: 'bind', Source: workspace.task, Target: INSIDE.task },
        { Type: 'bind', Source: workspace.result, Target: INSIDE.result },
        ...(network.hosts === undefined ? [] : [hostsMount(network.hosts)]),
        ...(plan.observerDirectory === undefined ? [] : [observerMount(plan.observerDirectory)]),
      ],
    },
  };
}

/** Read-only: it is on the machine's disk, outside what a task may fill. */
function hostsMount(file: string) {
  return { Type: 'bind' as const, Source: file, Target: '/etc/hosts', ReadOnly: true };
}

/** Read-only: a task must not remove the socket. */
function observerMount(directory: string) {
  return { Type: 'bind' as const, Source: directory, Target: path.posix.dirname(OBSERVER_SOCKET), ReadOnly: true };
}

/** `NAME=value` sets a variable, `NAME` alone takes away what the image or the engine would set. */
function environment(task: Task, imageVariables: readonly string[]): string[] {
  const set: Record<string, string> = { ...ENVIRONMENT, ...task.environment };
  const unwanted = [...imageVariables, 'HOSTNAME'].filter((name) => !Object.hasOwn(set, name));
  return [...Object.entries(set).map(([name, value]) => `${name}=${value}`), ...new Set(unwanted)];
}
