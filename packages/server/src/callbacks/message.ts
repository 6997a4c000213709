/**
 * What a receiver is told: `{"task": {…}, "result": {…}}`, as the original does.
 *
 * The original calls only for a result. A task that was given up or cancelled has none, and its receiver would wait for
 * ever: it is told `"result": null`, the state the task ended in and a sentence about why.
 */
import { storyOf } from '../database/events.ts';
import { bodyOfResult, findResult } from '../database/results.ts';
import type { Connection } from '../database/store.ts';
import { bodyOfTask, findTaskByNumber, type TaskRow } from '../database/tasks.ts';

export interface Message {
  task: TaskRow;
  /** The task's `callback_url`. */
  url: string;
  /** JSON. */
  body: string;
}

/** Undefined when the task is no longer there. */
export async function composeMessage(db: Connection, number: number): Promise<Message | undefined> {
  const task = await findTaskByNumber(db, number);
  if (task === undefined) return undefined;
  const result = await findResult(db, number);
  const body = await bodyOfTask(db, task);
  const told =
    result === undefined
      ? { result: null, state: task.state, message: (await storyOf(db, number)).at(-1) ?? '' }
      : { result: bodyOfResult(result) };
  return { task, url: String(body['callback_url']), body: JSON.stringify({ task: body, ...told }) };
}
