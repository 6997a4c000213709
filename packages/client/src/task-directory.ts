/** A task as a directory: `kolejka_task.json` and the files it names. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectories } from '@kolejka/program';
import { type Files, GridError, parseTask, type Task, TASK_FILE } from '@kolejka/protocol';
import { readSpec } from './spec-file.ts';

/** One file of a task that is to be sent. */
export interface LocalFile {
  name: string;
  /** Where it is on this machine. */
  path: string;
  size: number;
  /** A reference that is given beside the path: nothing is sent when the server still has it. */
  reference?: string;
}

export interface TaskDirectory {
  task: Task;
  files: LocalFile[];
}

/**
 * Reads a task directory; each file that is to be sent is a regular one. Symbolic links are followed, also out of the
 * directory: these are files of the one who sends them (and kolejka-judge makes such links).
 * @throws GridError `no-file`, `bad-json` or `bad-value`, naming file and field
 */
export async function readTaskDirectory(directory: string): Promise<TaskDirectory> {
  const stats = await stat(directory).catch(() => undefined);
  if (stats === undefined) throw new GridError('no-file', `The task directory ${directory} is not there.`);
  if (!stats.isDirectory()) throw new GridError('no-file', `${directory} is not a directory; a task is a directory.`);
  const spec = path.join(directory, TASK_FILE);
  const json = await readSpec(spec, 'a task directory must hold one');
  const task = named(spec, () => parseTask(json));
  return { task, files: await findFiles(directory, spec, task.files) };
}

/** What the parser says, with the name of the file in front. */
function named<Parsed>(spec: string, parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (thrown) {
    if (!(thrown instanceof GridError)) throw thrown;
    const field = thrown.field === undefined ? {} : { field: thrown.field };
    throw new GridError(thrown.code, `${spec}: ${thrown.message}.`, { ...field, cause: thrown });
  }
}

async function findFiles(directory: string, spec: string, files: Files): Promise<LocalFile[]> {
  const found: LocalFile[] = [];
  for (const [name, source] of Object.entries(files)) {
    const field = `files.${name}`;
    if (source.path === undefined) {
      if (source.reference !== undefined) continue;
      throw new GridError('bad-value', `${spec}: ${field}: needs a path or a reference.`, { field });
    }
    const local = path.resolve(directory, source.path);
    const size = await regularSize(local).catch((cause: unknown) => {
      throw new GridError('no-file', `${spec}: ${field}: ${local} ${(cause as Error).message}.`, { field, cause });
    });
    const { reference } = source;
    found.push({ name, path: local, size, ...(reference !== undefined && { reference }) });
  }
  return found;
}

async function regularSize(file: string): Promise<number> {
  const stats = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(FAULTS[cause.code ?? ''] ?? `cannot be read (${cause.message})`, { cause });
  });
  if (stats.isFile()) return stats.size;
  throw new Error(stats.isDirectory() ? 'is a directory; only regular files can be sent' : 'is not a regular file');
}

const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  ELOOP: 'is a symbolic link that leads to itself',
  EACCES: 'may not be read by you',
};

/**
 * Makes a directory to write into, and its parents; one that is there is taken.
 * @throws GridError `no-file`
 */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    await makeDirectories(directory);
  } catch (cause) {
    throw new GridError('no-file', `The directory ${directory} cannot be made: ${(cause as Error).message}.`, {
      cause,
    });
  }
}
