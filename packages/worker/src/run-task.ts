/**
 * The story of one run: one task, one fresh container, one result, whatever happens.
 *
 * Workspace, image, task group, container, run, stop, collect, result. What a step opens is registered for closing
 * before the step is judged, and closed in reverse order.
 */
import path from 'node:path';
import { existsSync } from 'node:fs';
import type { Group } from '@kolejka/observer/cgroup';
import {
  asGridError,
  combineLimits,
  GridError,
  type Limits,
  type Reason,
  type Result,
  type Stats,
  type Task,
} from '@kolejka/protocol';
import type { Container } from 'dockerode';
import { type Collected, type CollectLimits, collectFiles } from './collect.ts';
import { checkStarted, createContainer, type Exit, readExit, startContainer, waitForExit } from './container.ts';
import { checkLimits, containerOptions } from './container-flags.ts';
import { fetchImage } from './image.ts';
import type { WorkerContext } from './open.ts';
import { openResultDirectory, writeResult } from './result-directory.ts';
import { containerName, openRun, removeContainer, removeRunDirectory, type Run } from './runs.ts';
import { attachStreams } from './streams.ts';
import { startWatch, type Watch } from './watch.ts';
import { prepareWorkspace, type Workspace } from './workspace.ts';

export interface RunRequest {
  task: Task;
  /** Directory of the task's files. */
  taskDirectory: string;
  /** Where the result goes. */
  resultDirectory: string;
  /** Ceilings of this node. */
  limits?: Limits;
  /** First CPU of the set this run may use, counted from 0; over what the task says. */
  cpusOffset?: number;
  /** Tags of this node, for the result. */
  tags?: readonly string[];
  /** Move the task's files instead of copying them. */
  consume?: boolean;
  /** Pull the image even when a local version is there. */
  pull?: boolean;
  /** Aborted to cancel the run. */
  cancel?: AbortSignal;
  /** Called when the program runs in its container. */
  started?: () => void;
}

/** Runc's own start needs this many processes and threads in the group; the task's pids limit holds from then on. */
const PIDS_TO_START = 32;

/** Caps on what is kept of a task, until limits of the task say so. */
const OUTPUT_BYTES = 256 * 1024 ** 2;
const COLLECT_LIMITS: CollectLimits = { bytes: 16 * 1024 ** 3, entries: 200_000, depth: 100 };

/**
 * Runs a task and delivers its result directory. A task that fails is a result with a reason, not an error.
 * @throws GridError when there is no result: the task or its files are wrong, or the result directory cannot be used
 */
export async function runTask(context: WorkerContext, request: RunRequest): Promise<Result> {
  const { task } = request;
  const limits = {
    ...combineLimits(task.limits, request.limits ?? {}),
    ...(request.cpusOffset !== undefined && { cpus_offset: request.cpusOffset }),
  };
  await openResultDirectory(request.resultDirectory);
  const run = await openRun(context.temp, task.id ?? 'local');
  await using opened = new AsyncDisposableStack();
  const closing = (what: string, close: () => Promise<unknown>) =>
    opened.defer(
      async () =>
        void (await close().catch((error: unknown) => context.log.say('left-behind', { run: run.id, what, error }))),
    );
  closing('directory', () => removeRunDirectory(run.directory));

  const workspace = await prepareWorkspace(run.directory, {
    task,
    directory: request.taskDirectory,
    consume: request.consume ?? false,
  });
  let result: Result = {
    ...(task.id !== undefined && { id: task.id }),
    tags: [...(request.tags ?? [])],
    limits,
    stats: {},
    files: {},
  };
  try {
    const ended = await runProgram(context, request, { run, workspace, limits, closing });
    const collected = await collectFiles(task, workspace, request.resultDirectory, COLLECT_LIMITS);
    result = { ...result, ...describe(ended, collected), stats: ended.stats };
  } catch (thrown) {
    result = { ...result, ...describeFailure(asGridError(thrown), request.cancel) };
  }
  const streams = {
    ...(task.stdout !== undefined && { stdout: task.stdout }),
    ...(task.stderr !== undefined && { stderr: task.stderr }),
  };
  result = { ...result, ...(result.result !== undefined && streams) };
  await writeResult(request.resultDirectory, result);
  context.log.say('task-ended', {
    task: task.id,
    run: run.id,
    reason: result.reason,
    result: result.result,
    message: result.message,
  });
  return result;
}

interface Opened {
  run: Run;
  workspace: Workspace;
  limits: Limits;
  closing: (what: string, close: () => Promise<unknown>) => void;
}

interface Ended {
  exit: Exit;
  stats: Stats;
  reason: Reason | undefined;
}

/** From image to the death of the last process. */
async function runProgram(
  context: WorkerContext,
  request: RunRequest,
  { run, workspace, limits, closing }: Opened,
): Promise<Ended> {
  const { task } = request;
  const cancel = request.cancel ?? new AbortController().signal;
  if (task.args.length === 0) throw new GridError('image-unavailable', 'The task names no command (args).');
  checkLimits(limits, context.cgroups.keeps);
  const image = await fetchImage(context.engine, task.image, {
    pull: request.pull ?? false,
    limitBytes: limits.image,
    signal: cancel,
  });

  // Where create stops half-way, what it has made is found by its name.
  let group: Group | undefined;
  const groupPath = context.cgroups.taskPath(run.id);
  closing('group', () => (group ?? context.cgroups.open(groupPath)).remove());
  group = context.cgroups.create(groupPath);
  group.limit(limits.pids === undefined ? limits : { ...limits, pids: Math.max(limits.pids, PIDS_TO_START) });

  closing('container', () => removeContainer(context.engine, containerName(run.id)));
  const container = await createContainer(
    context.engine,
    containerOptions({
      name: containerName(run.id),
      task,
      limits,
      workspace,
      parent: context.cgroups.parentFor(groupPath),
      imageVariables: image.variables,
      observerSocket: existsSync(context.observerSocket) ? context.observerSocket : undefined,
      labels: { 'kolejka.run': run.id },
    }),
  );
  return await runContainer(context, request, { container, group, workspace, limits, cancel });
}

interface Running {
  container: Container;
  group: Group;
  workspace: Workspace;
  limits: Limits;
  cancel: AbortSignal;
}

async function runContainer(
  context: WorkerContext,
  request: RunRequest,
  { container, group, workspace, limits, cancel }: Running,
): Promise<Ended> {
  const { task } = request;
  let watch: Watch | undefined;
  const streams = await attachStreams(container, {
    task,
    stdin: task.stdin === undefined ? undefined : path.join(workspace.task, task.stdin),
    directory: workspace.streams,
    limitBytes: OUTPUT_BYTES,
    exceeded: () => watch?.note('output'),
  });
  cancel.throwIfAborted();
  await startContainer(container);
  const started = performance.now();
  if (limits.pids !== undefined) group.limit({ pids: limits.pids });
  watch = startWatch({
    group,
    limits,
    cancel,
    kill: () => group.kill(),
    failed: (error) => context.log.say('left-behind', { error }),
  });
  request.started?.();
  context.log.say('task-started', { task: task.id });
  let heardMs = 0;
  try {
    await waitForExit(container);
    heardMs = performance.now() - started;
  } finally {
    watch.stop();
    // The container's end is not that of sessions beside it; only after this nothing can write any more.
    await group.kill();
  }
  const stderr = await streams.done;
  const [exit, stats] = [await readExit(container), group.read()];
  checkStarted(exit.code, stderr);
  if ((stats.memory_oom_kills ?? 0) > 0) watch.note('memory');
  if (limits.pids !== undefined && exit.code !== 0 && reachedPids(stats, limits.pids)) watch.note('pids');
  return { exit, stats: { ...withoutCurrent(stats), time: exit.timeMs ?? heardMs }, reason: watch.reason() };
}

/** A refused fork is counted in a group that is gone by now; the peak of the task group still tells, above runc's own. */
function reachedPids(stats: Stats, limit: number): boolean {
  return limit >= PIDS_TO_START && (stats.pids_max_usage ?? 0) >= limit;
}

/** What the group holds now says nothing about a task that has ended; the original leaves it out too. */
function withoutCurrent({ memory_usage: _memory, memory_swap: _swap, pids_usage: _pids, ...rest }: Stats): Stats {
  return rest;
}

/** Codes above 128 are 128 + signal, up to the last real-time signal. */
const isSignalCode = (code: number) => code > 128 && code <= 128 + 64;

function describe({ exit, reason }: Ended, { files, remarks, overflow }: Collected): Partial<Result> {
  const natural: Reason = isSignalCode(exit.code) ? 'signal' : 'exit';
  return {
    result: exit.code,
    reason: reason ?? (overflow ? 'disk' : natural),
    ...(remarks.length > 0 && { message: `${remarks.join('; ')}.` }),
    files,
  };
}

/** A run that came to no end of its own: why, in one sentence. */
function describeFailure(error: GridError, cancel: AbortSignal | undefined): Partial<Result> {
  if (cancel?.aborted === true)
    return { reason: 'cancelled', message: 'The task was cancelled before its program ran.' };
  return { reason: error.code === 'image-unavailable' ? 'image' : 'infrastructure', message: error.message };
}
