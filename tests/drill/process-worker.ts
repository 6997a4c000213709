/**
 * Only for tests: a worker that runs tasks as plain processes, without container, limits or protection. Everything else
 * of the foreman is as it is, so that a drill can run thousands of tasks where containers would take hours.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import type { Result, Task } from '@kolejka/protocol';
import { livingOwner, openRun, removeRunDirectory, type RunRequest } from '@kolejka/worker';
import { NO_IMAGES } from '../../packages/foreman/src/images.ts';
import type { OpenWorker } from '../../packages/foreman/src/worker.ts';
import { killProcessesIn } from './processes.ts';

/** For a task without a time limit. */
const LONGEST_MS = 60_000;

/** Opens the worker, and ends what the tasks of a foreman that was killed still do. */
export const openProcesses: OpenWorker = async ({ temp }) => {
  for (const id of await readdir(temp).catch(() => [])) {
    const directory = path.join(temp, id);
    if ((await livingOwner(directory)) === undefined) await removeRun(directory);
  }
  return {
    worker: { run: (request) => runProcess(temp, request), images: NO_IMAGES, findAway: async () => undefined },
    close: async () => undefined,
  };
};

async function runProcess(temp: string, request: RunRequest): Promise<Result> {
  const { task, taskDirectory, resultDirectory, limits = {}, tags = [], cancel, started } = request;
  const { directory } = await openRun(temp, task.id ?? 'local');
  try {
    const cwd = path.join(directory, 'task');
    await rename(taskDirectory, cwd);
    await mkdir(resultDirectory, { recursive: true });
    const stdout = task.stdout ?? 'stdout';
    const late = AbortSignal.timeout(task.limits.time ?? LONGEST_MS);
    const signal = AbortSignal.any([late, ...(cancel === undefined ? [] : [cancel])]);
    const child = await startProcess(task, { cwd, stdout: path.join(resultDirectory, stdout) });
    started?.();
    const code = await ended(child, signal);
    const reason = cancel?.aborted === true ? 'cancelled' : late.aborted ? 'time' : 'exit';
    const files = { [stdout]: { path: stdout } };
    return { id: task.id, tags: [...tags], limits: { ...limits }, stats: {}, result: code, reason, stdout, files };
  } finally {
    await removeRun(directory);
  }
}

/** Starts the command of the task as the leader of a process group. */
async function startProcess(
  { args: [command = 'true', ...args] }: Task,
  { cwd, stdout }: { cwd: string; stdout: string },
): Promise<ChildProcess> {
  const out = await open(stdout, 'w');
  try {
    const child = spawn(command, args, { cwd, stdio: ['ignore', out.fd, 'ignore'], detached: true });
    await once(child, 'spawn');
    return child;
  } finally {
    await out.close();
  }
}

/** Waits for the end of the command, ends its process group then or at the signal, and answers its exit code. */
async function ended(child: ChildProcess, signal: AbortSignal): Promise<number> {
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const kill = () => endGroup(child.pid);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  try {
    const [code] = await exited;
    return code ?? 128 + 9;
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
  }
}

/** A group of which nobody is left is fine. */
function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function removeRun(directory: string): Promise<void> {
  await killProcessesIn(directory);
  await removeRunDirectory(directory);
}
