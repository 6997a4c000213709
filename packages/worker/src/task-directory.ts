/** Reads a task from its directory, for a run without a server. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { GridError, parseTask, type Task, TASK_FILE } from '@kolejka/protocol';

/** @throws GridError `no-file` or `bad-json` naming the file, `bad-value` naming the field */
export async function readTask(directory: string): Promise<Task> {
  const file = path.join(directory, TASK_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new GridError('no-file', `There is no ${TASK_FILE} in ${directory}: name a task directory.`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GridError('bad-json', `${file} is not JSON: ${(cause as Error).message}.`, { cause });
  }
  try {
    const task = parseTask(value);
    if (task.args.length === 0) throw new GridError('bad-value', 'args: the task names no command', { field: 'args' });
    return task;
  } catch (thrown) {
    if (thrown instanceof GridError)
      throw new GridError(
        thrown.code,
        `${file}: ${thrown.message}`,
        thrown.field === undefined ? {} : { field: thrown.field },
      );
    throw thrown;
  }
}
