/** The directories a task works in, filled from its task directory. */
import { chmod, constants, copyFile, lstat, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GridError, mapFiles, printTask, type Task, TASK_FILE } from '@kolejka/protocol';

/** Where things are, outside and inside the container. */
export interface Workspace {
  /** The task's files; the working directory. */
  task: string;
  /** What the program writes here is a result. */
  result: string;
  /** stdout and stderr are kept where the program cannot touch them. */
  streams: string;
}

/** The same places inside the container, as in the original. */
export const INSIDE = { task: '/var/lib/kolejka/task', result: '/var/lib/kolejka/result' } as const;

/** Every file and directory of a task has this mode inside the container, so that scripts run. */
const TASK_MODE = 0o750;

export interface WorkspaceSource {
  task: Task;
  /** Directory that the paths of the task's files start from. */
  directory: string;
  /** Move the files instead of copying them; the directory is removed. */
  consume: boolean;
}

export interface WorkspacePlaces {
  /** Directory for the task's files and its result, bounded when the task's workspace is. */
  files: string;
  /** Directory for what the program cannot reach. */
  streams: string;
}

/**
 * Makes the directories and fills them.
 * @throws GridError `no-file` naming a file that is not there, or that stdin is none of them; `too-large` when the
 * files do not fit the task's workspace
 */
export async function prepareWorkspace(places: WorkspacePlaces, source: WorkspaceSource): Promise<Workspace> {
  const workspace = {
    task: path.join(places.files, 'task'),
    result: path.join(places.files, 'result'),
    streams: path.join(places.streams, 'streams'),
  };
  try {
    await fillWorkspace(workspace, source);
  } catch (cause) {
    const isFull = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
    if (!isFull || places.files === places.streams) throw cause;
    throw new GridError('too-large', 'The files of the task do not fit its workspace.', {
      field: 'limits.workspace',
      cause,
    });
  }
  return workspace;
}

async function fillWorkspace(workspace: Workspace, source: WorkspaceSource): Promise<void> {
  for (const directory of Object.values(workspace)) await mkdir(directory, { mode: 0o755 });
  for (const [name, file] of Object.entries(source.task.files)) {
    if (name === TASK_FILE) continue;
    if (name.startsWith(`${TASK_FILE}/`)) {
      throw new GridError('bad-value', `files.${name}: ${TASK_FILE} is a file`, { field: `files.${name}` });
    }
    await bring(
      name,
      path.resolve(source.directory, file.path ?? name),
      path.join(workspace.task, name),
      source.consume,
    );
  }
  const spec = printTask({ ...source.task, files: mapFiles(source.task.files, (_file, name) => ({ path: name })) });
  await writeFile(path.join(workspace.task, TASK_FILE), `${JSON.stringify(spec, undefined, 2)}\n`, { mode: TASK_MODE });
  if (source.task.stdin !== undefined) await requireInput(workspace.task, source.task.stdin);
  if (source.consume) await rm(source.directory, { recursive: true, force: true });
}

async function requireInput(directory: string, stdin: string): Promise<void> {
  const found = await stat(path.join(directory, stdin)).catch(() => undefined);
  if (found?.isFile() === true) return;
  throw new GridError('no-file', `stdin: the task has no file ${JSON.stringify(stdin)}`, { field: 'stdin' });
}

async function bring(name: string, from: string, to: string, consume: boolean): Promise<void> {
  const found = await stat(from).catch(() => undefined);
  if (found?.isFile() !== true) {
    throw new GridError('no-file', `The file ${from}, named ${name} in the task, is not there.`, {
      field: `files.${name}`,
    });
  }
  await mkdir(path.dirname(to), { recursive: true, mode: TASK_MODE });
  // A link is never moved: what it leads to belongs to somebody else.
  const isLink = (await lstat(from)).isSymbolicLink();
  if (!consume || isLink || !(await rename(from, to).then(() => true, isOtherDevice))) {
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
  await chmod(to, TASK_MODE);
}

/** rename does not cross file systems; then the file is copied. */
function isOtherDevice(error: NodeJS.ErrnoException): false {
  if (error.code === 'EXDEV') return false;
  throw error;
}
