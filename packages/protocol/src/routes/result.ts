/** Requests about results. */
import { z } from 'zod';
import { resultInput, resultPrinted } from '../json/result.ts';
import { parseHandedIn } from '../result.ts';
import { checked } from '../shape.ts';
import { printed, type Route } from './route.ts';

// A name that is no identifier is answered like an unknown one: `Task deadbeef is unknown`.
const byAnyTask = z.object({ id: z.string().max(200) });

/** GET and, as in the original, PUT. */
const READING = {
  path: '/task/result/:id/',
  may: 'user',
  params: byAnyTask,
  answer: z.object({ result: printed(resultPrinted) }),
  repeatable: true,
  errors: ['task-unknown', 'not-found', 'not-permitted', 'task-failed', 'task-cancelled'],
} as const;

export const RESULT_ROUTES = {
  putResult: {
    method: 'POST',
    path: '/task/result/',
    may: 'task.process_task',
    // As many files as a worker collects, each with its name and reference.
    largest: 16 * 1024 ** 2,
    body: checked((value) => parseHandedIn(value), '', resultInput),
    answer: z.object({ result: printed(resultPrinted) }),
    repeatable: true,
    errors: [
      'bad-value',
      'not-permitted',
      'not-found',
      'stale-lease',
      'already-resolved',
      'file-without-reference',
      'reference-unknown',
      'reference-of-another',
    ],
    about: 'Hands in the result of a task. `attempt` fences: a foreman that lost its lease is refused with 409.',
  },
  getResult: {
    method: 'GET',
    ...READING,
    about: 'The result of a task; 404 as long as there is none.',
  },
  showResult: {
    method: 'PUT',
    ...READING,
    about: 'The result of a task, as GET answers it.',
  },
  deleteResult: {
    method: 'DELETE',
    path: '/task/result/:id/',
    may: 'user',
    params: byAnyTask,
    answer: z.object({ deleted: z.literal(true) }),
    repeatable: true,
    errors: ['task-unknown', 'not-found', 'not-permitted'],
    about: 'Removes the result of a task, not its references. The task is not run again.',
  },
} as const satisfies Record<string, Route>;
