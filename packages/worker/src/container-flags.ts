/** A task as options of a container: hardened, without network unless asked for, with nothing of ours inside. */
import { OBSERVER_SOCKET, type Task } from '@kolejka/protocol';
import type { ContainerCreateOptions, DeviceRequest, HostConfig, MountSettings } from 'dockerode';
import path from 'node:path';
import type { Image } from './image.ts';
import { HOSTNAME, type Network } from './network.ts';
import { INSIDE, type Workspace } from './workspace.ts';

/** More processes no kernel has (PID_MAX_LIMIT). */
const MOST_PIDS = 2 ** 22;

/** As much as the engine gives, and the original. */
const SHM_BYTES = 64 * 1024 ** 2;

/** Of one process. The engine's own default may be a million; a table of them is memory of the kernel. */
const MOST_OPEN_FILES = 16_384;

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
  workspace: Workspace;
  /** What bounds its other writes. */
  storage: Pick<HostConfig, 'ReadonlyRootfs'> & { mounts: readonly MountSettings[] };
  gpus: DeviceRequest[];
  network: Network;
  /** The task group, as the engine takes it. */
  parent: string;
  image: Pick<Image, 'id' | 'variables'>;
  /** The directory of the observer's socket, when there is one. */
  observerDirectory: string | undefined;
  /** Security options that say which system calls it may make. */
  seccomp: readonly string[];
  labels: Record<string, string>;
}

/** Options of the container that runs the task. */
export function containerOptions(plan: ContainerPlan): ContainerCreateOptions {
  const { task, workspace, network, storage } = plan;
  const [command, ...rest] = task.args;
  return {
    name: plan.name,
    Image: plan.image.id,
    // The command replaces the image's entrypoint, as the original's own entrypoint did.
    Entrypoint: command === undefined ? [] : [command],
    Cmd: rest,
    WorkingDir: INSIDE.task,
    Hostname: HOSTNAME,
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
      SecurityOpt: ['no-new-privileges', ...plan.seccomp],
      IpcMode: 'private',
      // Of /dev/shm, which counts as memory of the task: also when it has no limit of memory.
      ShmSize: SHM_BYTES,
      ReadonlyRootfs: storage.ReadonlyRootfs === true,
      DeviceRequests: plan.gpus,
      Ulimits: [
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'nofile', Soft: MOST_OPEN_FILES, Hard: MOST_OPEN_FILES },
      ],
      LogConfig: { Type: 'none', Config: {} },
      Mounts: [
        ...storage.mounts,
        { Type: 'bind', Source: workspace.task, Target: INSIDE.task },
        { Type: 'bind', Source: workspace.result, Target: INSIDE.result },
        ...Object.entries(network.files).map(([target, file]) => fileMount(file, target)),
        ...(plan.observerDirectory === undefined ? [] : [observerMount(plan.observerDirectory)]),
      ],
    },
  };
}

/** Read-only: it is on the machine's disk, outside what a task may fill. */
function fileMount(file: string, target: string) {
  return { Type: 'bind' as const, Source: file, Target: target, ReadOnly: true };
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
