/** Requests about tasks. */
import { z } from 'zod';
import { TaskId } from '../identifiers.ts';
import { checked } from '../shape.ts';
import { parseTask } from '../task.ts';
import { anyObject, byTask, count, type Route } from './route.ts';

export const TASK_ROUTES = {
  putTask: {
    method: 'POST',
    path: '/task/task/',
    may: 'task.add_task',
    headers: z.object({ 'idempotency-key': z.string().max(200).optional() }),
    body: checked((value) => parseTask(value), ''),
    answer: z.object({ task: anyObject }),
    repeatable: false,
    errors: ['bad-value', 'file-without-reference', 'reference-unknown', 'already-exists'],
    about: 'Puts a task in the queue. An Idempotency-Key header makes a repeated request harmless.',
  },
  getTask: {
    method: 'GET',
    path: '/task/task/:id/',
    may: 'user',
    params: byTask,
    answer: z.object({ task: anyObject }),
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    about: 'A task, for its owner, its foreman or an inspector.',
  },
  watchTasks: {
    method: 'GET',
    path: '/task/events/',
    may: 'user',
    query: z.object({ task: TaskId, after: count('after', 0) }),
    headers: z.object({ 'last-event-id': count('last-event-id', 0) }),
    answer: 'events',
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    extension: true,
    about: 'The events of a task as a server-sent stream, past ones first; resumable by number with Last-Event-ID.',
  },
} as const satisfies Record<string, Route>;
