/** Requests about tasks. */
import { z } from 'zod';
import { TaskId } from '../identifiers.ts';
import { taskInput, taskPrinted } from '../json/task.ts';
import { checked } from '../shape.ts';
import { parseTask } from '../task.ts';
import { StateName, TaskState } from '../task-state.ts';
import { byTask, count, printed, type Route } from './route.ts';

/** ISO 8601, with Z or an offset. */
const moment = z.iso.datetime({ offset: true }).optional();

/** GET and, as in the original, PUT. */
const READING = {
  path: '/task/task/:id/',
  may: 'user',
  params: byTask,
  answer: z.object({ task: printed(taskPrinted) }),
  repeatable: true,
  errors: ['not-found', 'not-permitted'],
} as const;

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
      'quota-reached',
    ],
    about: 'Puts a task in the queue. An Idempotency-Key header makes a repeated request harmless.',
  },
  getTask: {
    method: 'GET',
    ...READING,
    about: 'A task, for its owner, its foreman or an inspector.',
  },
  showTask: {
    method: 'PUT',
    ...READING,
    about: 'A task, as GET answers it.',
  },
  deleteTask: {
    method: 'DELETE',
    path: '/task/task/:id/',
    may: 'user',
    params: byTask,
    answer: z.object({ deleted: z.literal(true) }),
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    about: 'Removes a task and its result, not their references. A foreman that has it is told to end it.',
  },
  listTasks: {
    method: 'GET',
    path: '/task/task/',
    may: 'user',
    query: z.object({
      state: StateName.optional().describe('only tasks in this state'),
      user: z
        .string()
        .max(150)
        .optional()
        .describe("only this user's tasks; others than one's own take task.view_task"),
      image: z.string().max(500).optional().describe('only tasks of this image'),
      since: moment.describe('only tasks put at this moment or after it'),
      before: moment.describe('only tasks put before this moment'),
      cursor: z.coerce
        .number()
        .int()
        .positive()
        .optional()
        .describe('what the list before this one answered as `next`'),
      most: z.coerce.number().int().positive().max(1000).default(100).describe('most tasks to answer'),
    }),
    answer: z.object({
      tasks: z.array(TaskState),
      next: z.int().nullable().describe('cursor of the rest; null when there is none. A list may be short and go on.'),
    }),
    repeatable: true,
    errors: ['not-permitted', 'not-found'],
    extension: true,
    about: "How tasks stand, the newest first: one's own, with task.view_task all.",
  },
  taskState: {
    method: 'GET',
    path: '/task/state/:id/',
    may: 'user',
    params: byTask,
    answer: z.object({ task: TaskState }),
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    extension: true,
    about: 'How a task stands.',
  },
  cancelTask: {
    method: 'POST',
    path: '/task/cancel/:id/',
    may: 'user',
    params: byTask,
    answer: z.object({ task: TaskState }),
    repeatable: true,
    errors: ['not-found', 'not-permitted', 'already-ended'],
    extension: true,
    about: 'Cancels a task that has not ended. A foreman that has it is told to end it.',
  },
  watchTasks: {
    method: 'GET',
    path: '/task/events/',
    may: 'user',
    query: z.object({
      task: TaskId.optional().describe('only events of this task; the stream ends after the last'),
      mine: z.string().max(10).optional().describe("only events of one's own tasks; its value means nothing"),
      user: z.string().max(150).optional().describe("only events of this user's tasks"),
      after: z.coerce
        .number()
        .int()
        .nonnegative()
        .optional()
        .describe('only events with a greater number; without it, all of a task, of others those to come'),
    }),
    headers: z.object({
      'last-event-id': count('last-event-id', 0).describe(
        'number of the last event that was read; the greater of it and `after` counts',
      ),
    }),
    answer: 'events',
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    extension: true,
    about:
      'Events as a server-sent stream, resumable by number with Last-Event-ID: of a task, of a user, or with task.view_task of all.',
  },
} as const satisfies Record<string, Route>;
