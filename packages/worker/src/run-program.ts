/** From the image to the death of the last process: what happens between a filled workspace and a collected result. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Group, isOverCount } from '@kolejka/observer/cgroup';
import { GridError, type Limits, type Reason, type Stats, type Task } from '@kolejka/protocol';
import type { Container } from 'dockerode';
import { createContainer, type Exit, initFailure, readExit, startContainer, waitForExit } from './container.ts';
import { containerOptions } from './container-flags.ts';
import type { Engine } from './engine.ts';
import { requestGpus } from './gpus.ts';
import { fetchImage, type ImageListener } from './image.ts';
import { prepareNetwork } from './network.ts';
import type { PullListener } from './image-pull.ts';
import { watchFiles } from './node-disk.ts';
import { observerDirectory } from './observer-directory.ts';
import { openLiveOutput, type OutputListener } from './live-output.ts';
import type { WorkerContext } from './open.ts';
import type { RunDisk } from './run-disk.ts';
import { containerName, removeContainer, RUN_LABEL, type Run } from './runs.ts';
import { seccompOptions } from './seccomp.ts';
import { sayStep, type Step } from './steps.ts';
import { attachStreams } from './streams.ts';
import { startWatch, type Watch } from './watch.ts';
import type { Workspace } from './workspace.ts';

/** Everything a program needs that is there before it. */
export interface Prepared {
  task: Task;
  limits: Limits;
  /** CPUs in place of those that the limits say. */
  cpuSet: readonly number[] | undefined;
  /** GPUs in place of those that the limits say. */
  gpuSet: readonly number[] | undefined;
  run: Run;
  disk: RunDisk;
  workspace: Workspace;
  pull: boolean;
  pulling: PullListener | undefined;
  imageFound: ImageListener | undefined;
  output: OutputListener | undefined;
  cancel: AbortSignal;
  started: () => void;
  stuck: () => void;
  /** Registers what must be closed, whatever happens. */
  closing: (what: string, close: () => Promise<unknown>) => void;
}

/** How the program ended. */
export interface Ended {
  exit: Exit;
  /** What ran, by digest. */
  image: string;
  stats: Stats;
  reason: Reason | undefined;
  message?: string;
}

/** Runc's own start needs this many processes and threads in the group; the task's pids limit holds from then on. */
const PIDS_TO_START = 32;
/** Cap on stdout and stderr together where the task has no workspace limit: then as much as that, on top of it. */
const OUTPUT_BYTES = 256 * 1024 ** 2;
/** So long the engine may take to tell the end of a container whose processes are dead. */
const ENGINE_PATIENCE_MS = 20_000;

/** @throws GridError when the program was never started, or the engine went away: `engine-unreachable` */
export async function runProgram(context: WorkerContext, prepared: Prepared): Promise<Ended> {
  const { task, limits, run, disk, workspace, cancel, closing } = prepared;
  const { engine, cgroups } = context;
  if (task.args.length === 0) throw new GridError('image-unavailable', 'The task names no command (args).');
  const gpus = await requestGpus(engine, limits, prepared.gpuSet);
  const step = (name: Step) => sayStep(context.log, run, name);
  step('image');
  const { pull, pulling, imageFound: found } = prepared;
  const image = await fetchImage(context, task.image, {
    pull,
    limitBytes: limits.image,
    signal: cancel,
    pulling,
    found,
  });

  step('group');
  // Where create stops half-way, what it has made is found by its name.
  let group: Group | undefined;
  const groupPath = cgroups.taskPath(run.id);
  closing('group', () => (group ?? cgroups.open(groupPath)).remove());
  group = cgroups.create(groupPath);
  const toStart = limits.pids === undefined ? {} : { pids: Math.max(limits.pids, PIDS_TO_START) };
  group.limit({ ...limits, ...toStart }, prepared.cpuSet);

  step('container');
  closing('container', () => removeContainer(engine, containerName(run.id)));
  const options = containerOptions({
    name: containerName(run.id),
    task,
    workspace,
    storage: disk.storage.options,
    gpus,
    network: await prepareNetwork(limits.network === true, run.directory),
    parent: cgroups.parentFor(groupPath),
    image,
    observerDirectory: observerDirectory(context.observerSocket),
    seccomp: seccompOptions(engine),
    labels: { [RUN_LABEL]: run.id },
  });
  const container = await createContainer(engine, options);
  await disk.storage.enclose(container);
  const ended = await runContainer(context, prepared, container, group);
  return { ...ended, image: image.digest };
}

async function runContainer(
  { engine, log }: WorkerContext,
  { task, limits, run, disk, workspace, output: listener, cancel, started, stuck }: Prepared,
  container: Container,
  group: Group,
): Promise<Omit<Ended, 'image'>> {
  const step = (name: Step) => sayStep(log, run, name);
  step('start');
  let watch: Watch | undefined;
  const live = listener && openLiveOutput(listener, (error) => log.say('listener-failed', { task: task.id, error }));
  const streams = await attachStreams(container, {
    task,
    live,
    stdin: task.stdin === undefined ? undefined : path.join(workspace.task, task.stdin),
    directory: workspace.streams,
    limitBytes: limits.workspace ?? OUTPUT_BYTES,
    exceeded: () => watch?.note('output'),
    failed: (error) => {
      log.say('output-lost', { task: task.id, error });
      watch?.note('infrastructure');
    },
  });
  try {
    await startContainer(container);
    await disk.storage.check();
  } catch (error) {
    streams.release();
    throw error;
  }
  const startedAt = performance.now();
  const hasGrown = watchFiles(limits.network === true ? networkFiles(engine, container) : []);
  if (limits.pids !== undefined && limits.pids < PIDS_TO_START) group.limit({ pids: limits.pids });
  watch = startWatch({
    group,
    limits,
    lookAtDisk: () => (hasGrown() ? Promise.resolve(true) : disk.isNodeLow() ? disk.hasMuch(container) : undefined),
    cancel,
    kill: () => group.kill(),
    failed: (error) => log.say('kill-failed', { task: task.id, error }),
    stuck: () => {
      log.say('task-stuck', { task: task.id, run: run.id });
      stuck();
    },
  });
  started();
  log.say('task-started', { task: task.id });
  step('run');
  try {
    await Promise.race([waitForExit(engine, container), refuseSilence(watch)]);
  } finally {
    step('stop');
    watch.stop();
    streams.release();
    // The container's end is not that of sessions beside it; only after this nothing can write any more.
    await group.kill();
  }
  const heardMs = performance.now() - startedAt;
  const output = await streams.done;
  await live?.end();
  const exit = await readExit(container);
  const stats = withoutLostForks(group.read(), limits.pids);
  if ((stats.memory_oom_kills ?? 0) > 0) watch.note('memory');
  if (isOverCount(stats, limits)) watch.note('perf');
  if (limits.pids !== undefined && exit.code !== 0 && reachedPids(stats, limits.pids)) watch.note('pids');
  const failure = initFailure(exit.code, output);
  return {
    exit,
    stats: { ...withoutCurrent({ ...watch.sampled(), ...stats }), time: exit.timeMs ?? heardMs },
    reason: failure === undefined ? fairReason(watch.reason(), exit, limits) : 'image',
    ...(failure !== undefined && { message: `The command could not be started in the image: ${failure}.` }),
  };
}

/** What the engine mounts into a container that has a network, for it to write (moby, container_unix.go, NetworkMounts). */
function networkFiles({ directory }: Engine, { id }: Container): string[] {
  return ['hosts', 'hostname', 'resolv.conf'].map((name) => path.join(directory, 'containers', id, name));
}

/** Everything is dead and the engine does not say so: it hangs, and must not hold the run. */
async function refuseSilence(watch: Watch): Promise<never> {
  await watch.killed;
  await sleep(ENGINE_PATIENCE_MS, undefined, { ref: false });
  throw new GridError('engine-unreachable', 'Docker does not tell the end of a container whose processes are dead.');
}

/** A program that the engine saw end within its time did not need more, though the deadline came before the news. */
function fairReason(reason: Reason | undefined, { timeMs }: Exit, limits: Limits): Reason | undefined {
  const wasInTime = timeMs !== undefined && limits.time !== undefined && timeMs < limits.time;
  return reason === 'time' && wasInTime ? undefined : reason;
}

/**
 * Where the kernel counts a refused fork in the group of the container, that may be gone before it was read. Then 0 says
 * nothing once the limit was reached, and is left out.
 */
function withoutLostForks({ pids_failures: refused, ...rest }: Stats, limit: number | undefined): Stats {
  const isLost = refused === 0 && limit !== undefined && reachedPids(rest, limit);
  return isLost || refused === undefined ? rest : { ...rest, pids_failures: refused };
}

/** A refused fork is counted in a group that is gone by now; the peak of the task group still tells, above runc's own. */
function reachedPids(stats: Stats, limit: number): boolean {
  return limit >= PIDS_TO_START && (stats.pids_max_usage ?? 0) >= limit;
}

/** What the group holds now says nothing about a task that has ended; the original leaves it out too. */
function withoutCurrent(stats: Stats): Stats {
  const { memory_usage: _usage, memory_program: _program, memory_swap: _swap, pids_usage: _pids, ...rest } = stats;
  return rest;
}
