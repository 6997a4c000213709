/**
 * The story of one run: one task, one fresh container, one result, whatever happens.
 *
 * Workspace, image, task group, container, run, stop, collect, result. What a step opens is registered for closing
 * before the step is judged, and closed in reverse order, behind the result.
 */
import { asGridError, combineLimits, type Limits, MOST_FILES, type Result, type Task } from '@kolejka/protocol';
import { roomFor } from './bounded.ts';
import { type CollectLimits, collectFiles } from './collect.ts';
import { describeDisk, describeEnd, describeFailure, describeFiles, REFUSALS, streamsOf } from './describe-run.ts';
import { neededGpus } from './gpus.ts';
import type { ImageListener } from './image.ts';
import type { PullListener } from './image-pull.ts';
import { checkLimits } from './limit-keepers.ts';
import type { OutputListener } from './live-output.ts';
import type { WorkerContext } from './open.ts';
import { openResultDirectory, writeResult } from './result-directory.ts';
import { openRunDisk } from './run-disk.ts';
import { runProgram } from './run-program.ts';
import { disownRun, openRun, removeRunDirectory, type Run } from './runs.ts';
import { sayStep, type Step } from './steps.ts';
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
  /** Numbers of the CPUs that this run may use and nobody else does; over how many and where the limits say. */
  cpuSet?: readonly number[];
  /** Places of the GPUs of this run in the list of nvidia-smi; over how many and where the limits say. */
  gpuSet?: readonly number[];
  /** Tags of this node, for the result. */
  tags?: readonly string[];
  /** Move the task's files instead of copying them. */
  consume?: boolean;
  /** Pull the image even when a local version is there. */
  pull?: boolean;
  /** Hears how far the pull of the image is; not called where none is needed. */
  pulling?: PullListener;
  /** Hears which image is used, and whether it came to this machine for this run. */
  imageFound?: ImageListener;
  /** Hears the program's output while it runs, beside the files; a slow one misses some and holds up nothing. */
  output?: OutputListener;
  /** Aborted to cancel the run. */
  cancel?: AbortSignal;
  /** Called when the program runs in its container. */
  started?: () => void;
  /** Called once when processes of the task do not die: they hang in the kernel. The run goes on until they are gone. */
  stuck?: () => void;
}

/** Where neither the task nor the node says: a pids limit there is always. */
const DEFAULT_LIMITS: Limits = { pids: 1024 };

/** Caps on what is collected of a task. Its workspace bounds the bytes, also of files that are mostly holes. */
function collectLimits({ workspace }: Limits): CollectLimits {
  const bytes = workspace === undefined ? 16 * 1024 ** 3 : roomFor(workspace);
  return { bytes, entries: MOST_FILES, depth: 100, names: 4 * 1024 ** 2 };
}

/**
 * Runs a task and delivers its result directory. A task that fails is a result with a reason, not an error. When it
 * answers, every process of the task is dead; what else the run had is removed by `closeWorker` at the latest.
 * @throws GridError when there is no result: the task or its files are wrong, the result directory cannot be used, or
 * the engine went away (`engine-unreachable`), which says nothing of the task
 */
export async function runTask(context: WorkerContext, request: RunRequest): Promise<Result> {
  const { task, resultDirectory } = request;
  const cancel = request.cancel ?? new AbortController().signal;
  const { cpuSet, gpuSet } = request;
  const cpusOffset = cpuSet?.[0] ?? request.cpusOffset;
  let limits: Limits = {
    ...DEFAULT_LIMITS,
    ...combineLimits(task.limits, request.limits ?? {}),
    ...(cpusOffset !== undefined && { cpus_offset: cpusOffset }),
  };
  await openResultDirectory(resultDirectory);
  const run = await openRun(context.temp, task.id ?? 'local');
  await using opened = context.closings.open();
  const closing = registerClosings(context, run, opened);

  const step = (name: Step) => sayStep(context.log, run, name);
  step('workspace');
  let workspace: Workspace | undefined;
  let result: Result = {
    ...(task.id !== undefined && { id: task.id }),
    tags: [...(request.tags ?? [])],
    limits,
    stats: {},
    files: {},
  };
  try {
    limits = {
      ...limits,
      ...neededGpus(task.limits, request.limits ?? {}),
      ...(gpuSet?.[0] !== undefined && { gpus_offset: gpuSet[0] }),
    };
    checkLimits(limits, (name) => context.cgroups.whyNotKept(name));
    result = { ...result, limits };
    const {
      pull = false,
      pulling,
      imageFound,
      output,
      started = () => undefined,
      stuck = () => undefined,
      taskDirectory: directory,
      consume = false,
    } = request;
    const { engine, diskKinds: kinds } = context;
    const disk = await openRunDisk({ engine, kinds, directory: run.directory, limits, closing });
    workspace = await prepareWorkspace({ files: disk.files, streams: run.directory }, { task, directory, consume });
    const ended = await runProgram(context, {
      task,
      limits,
      cpuSet,
      gpuSet,
      run,
      disk,
      workspace,
      pull,
      pulling,
      imageFound,
      output,
      cancel,
      started,
      stuck,
      closing,
    });
    result = { ...result, ...describeEnd(ended), ...(await describeDisk(disk, ended, limits)), stats: ended.stats };
    step('collect');
    const collected = await collectFiles(task, workspace, resultDirectory, collectLimits(limits));
    result = { ...result, ...describeFiles(result, collected), ...streamsOf(task) };
  } catch (thrown) {
    const error = asGridError(thrown);
    const isOfTask = workspace !== undefined || Object.hasOwn(REFUSALS, error.code);
    if (!isOfTask || (error.code === 'engine-unreachable' && !cancel.aborted)) throw thrown;
    result = { ...result, ...describeFailure(error, cancel) };
  }
  step('result');
  await writeResult(resultDirectory, result);
  const { reason, message } = result;
  context.log.say('task-ended', { task: task.id, run: run.id, reason, result: result.result, message });
  step('close');
  return result;
}

/**
 * Closings run in reverse order, and each whatever became of the others. The directory of the run goes last, and only
 * when everything else is gone: by it the next start finds what is left.
 */
function registerClosings({ log }: WorkerContext, run: Run, opened: Pick<AsyncDisposableStack, 'defer'>) {
  let isClean = true;
  const closing = (what: string, close: () => Promise<unknown>) => {
    opened.defer(async () => {
      await close().catch((error: unknown) => {
        isClean = false;
        log.say('left-behind', { run: run.id, what, error });
      });
    });
  };
  closing('directory', async () => {
    await (isClean ? removeRunDirectory(run.directory) : disownRun(run));
  });
  return closing;
}
