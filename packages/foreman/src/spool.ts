/**
 * What this foreman has on disk of the tasks it holds: a directory for each attempt, which outlives the process. A result
 * stays here from the moment it is complete until the server has accepted or refused it, across restarts.
 */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectories } from '@kolejka/program';
import { GridError, parseResult, printResult, type Result, TaskId } from '@kolejka/protocol';
import { disownDirectory, livingOwner, ownDirectory, removeRunDirectory } from '@kolejka/worker';

/** One attempt of one task. */
export interface Spooled {
  readonly task: TaskId;
  readonly attempt: number;
  /** For the files of the task; it is there and empty. */
  readonly taskDirectory: string;
  /** For the files of the result; made by whoever runs the task. */
  readonly resultDirectory: string;
  /** Notes that the result is complete: from now on a restart finds it. @throws the system's error */
  keep(result: Result): Promise<void>;
  /** Forgets the attempt. @throws the system's error */
  remove(): Promise<void>;
}

/** What an earlier process has left of an attempt: its result when it came to one. */
export interface Left {
  spooled: Spooled;
  result: Result | undefined;
}

export interface Spool {
  /** Room for an attempt. @throws the system's error */
  add(task: TaskId, attempt: number): Promise<Spooled>;
  /** Attempts of earlier processes, in no order. */
  left(): Promise<Left[]>;
  /** Lets another process have it. */
  close(): Promise<void>;
}

/** Written last, in one step, so that what is there is complete. */
const KEPT_FILE = 'kept.json';

/**
 * The spool in a directory, which is this process's until it is closed.
 * @throws GridError `bad-config` when another process has it, or when it cannot be made
 */
export async function openSpool(directory: string): Promise<Spool> {
  const tasks = path.join(directory, 'tasks');
  try {
    await makeDirectories(tasks, 0o700);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('bad-config', `The directory ${directory} cannot be made (${code}): choose another --state.`, {
      cause,
    });
  }
  const owner = await livingOwner(directory);
  if (owner !== undefined) {
    throw new GridError(
      'bad-config',
      `Another kolejka-foreman (process ${owner}) has ${directory}: stop it, or give this one another --name or --state.`,
    );
  }
  await ownDirectory(directory);
  return {
    async add(task, attempt) {
      const spooled = open(tasks, task, attempt);
      await mkdir(spooled.taskDirectory, { recursive: true, mode: 0o700 });
      return spooled;
    },
    async left() {
      const names = await readdir(tasks);
      return await Promise.all(
        names.flatMap((name) => {
          const [, id, attempt] = /^([0-9a-f]{32})\.(\d+)$/.exec(name) ?? [];
          const task = TaskId.safeParse(id);
          return task.success ? readLeft(open(tasks, task.data, Number(attempt)), path.join(tasks, name)) : [];
        }),
      );
    },
    close: () => disownDirectory(directory),
  };
}

function open(tasks: string, task: TaskId, attempt: number): Spooled {
  const directory = path.join(tasks, `${task}.${attempt}`);
  const kept = path.join(directory, KEPT_FILE);
  return {
    task,
    attempt,
    taskDirectory: path.join(directory, 'task'),
    resultDirectory: path.join(directory, 'result'),
    async keep(result) {
      await writeFile(`${kept}.new`, JSON.stringify(printResult(result)), { flush: true });
      await rename(`${kept}.new`, kept);
    },
    remove: () => removeRunDirectory(directory),
  };
}

/** A result that another version has written and this one cannot read is none. */
async function readLeft(spooled: Spooled, directory: string): Promise<Left> {
  const text = await readFile(path.join(directory, KEPT_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return { spooled, result: undefined };
  try {
    return { spooled, result: parseResult(JSON.parse(text)) };
  } catch {
    return { spooled, result: undefined };
  }
}
