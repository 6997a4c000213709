/** Requests about tasks. */
import { z } from 'zod';
import { TaskId } from '../identifiers.ts';
import { taskInput, taskPrinted } from '../json/task.ts';
import { checked } from '../shape.ts';
import { parseTask } from '../task.ts';
import { byTask, count, printed, type Route } from './route.ts';

export const TASK_ROUTES = {
  putTask: {
    method: 'POST',
    path: '/task/task/',
    may: 'task.add_task',
    headers: z.object({
      'idempotency-key': z
        .string()
        .regex(/^[\x21-\x7e]{1,200}$/)
        .optional()
        .describe('any name for this request: the same one with the same task again answers the task made before'),
    }),
    body: checked((value) => parseTask(value), '', taskInput),
    answer: z.object({ task: printed(taskPrinted) }),
    repeatable: false,
    errors: [
      'bad-value',
      'file-without-reference',
      'reference-unknown',
      'image-refused',
      'image-not-pulled',
      'image-not-pushed',
      'already-exists',
    ],
    about: 'Puts a task in the queue. An Idempotency-Key header makes a repeated request harmless.',
  },
  getTask: {
    method: 'GET',
    path: '/task/task/:id/',
    may: 'user',
    params: byTask,
    answer: z.object({ task: printed(taskPrinted) }),
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    about: 'A task, for its owner, its foreman or an inspector.',
  },
  watchTasks: {
    method: 'GET',
    path: '/task/events/',
    may: 'user',
    query: z.object({ task: TaskId, after: count('after', 0).describe('only events with a greater number') }),
    headers: z.object({
      'last-event-id': count('last-event-id', 0).describe(
        'number of the last event that was read; the greater of it and `after` counts',
      ),
    }),
    answer: 'events',
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    extension: true,
    about: 'The events of a task as a server-sent stream, past ones first; resumable by number with Last-Event-ID.',
  },
} as const satisfies Record<string, Route>;
