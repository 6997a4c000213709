/** Requests about the queue: what foremen ask and say, and how it stands. */
import { z } from 'zod';
import { ForemanName, TaskId } from '../identifiers.ts';
import { MOST_IMAGES } from '../image-name.ts';
import { limitsInput } from '../json/limits.ts';
import { written } from '../json/quantities.ts';
import { taskPrinted } from '../json/task.ts';
import { Lease, type State, STATES } from '../life.ts';
import { type Limits, parseLimits } from '../limits.ts';
import { MOST_IMAGE_NAME, MOST_TAGS } from '../result.ts';
import { checked } from '../shape.ts';
import { parseCount } from '../units.ts';
import { byTask, printed, type Route } from './route.ts';

const budget = (field: string, about: string) =>
  checked(
    (value): Limits => parseLimits(value, field, 'budget'),
    field,
    () => limitsInput('budget').nullish(),
  ).describe(about);
const concurency = checked(
  (value) => (value === null ? 1 : Math.max(0, parseCount(value, 'concurency'))),
  'concurency',
  () => written().count.nullish(),
).describe('most tasks to take; 1 when absent');

/** What a foreman says of each task it holds, and what it hears. */
export const Held = z.object({
  task: TaskId,
  attempt: z.int().positive(),
  phase: z
    .enum(['taken', 'running', 'returned', 'lost'])
    .default('taken')
    .describe(
      'taken: preparing; running: the program runs; returned: handed back unrun; lost: an earlier process of this foreman died over it',
    ),
});
export type Held = z.input<typeof Held>;

export const Verdict = z.object({ task: TaskId, attempt: z.int().positive(), verdict: z.enum(['keep', 'kill']) });
export type Verdict = z.infer<typeof Verdict>;

/** Longest wait of a long poll, in seconds. */
export const LONGEST_WAIT = 60;

export const QUEUE_ROUTES = {
  dequeue: {
    method: 'POST',
    path: '/queue/dequeue/',
    may: 'task.process_task',
    waits: true,
    body: z.object({
      concurency,
      limits: budget('limits', 'what the node has free'),
      node: budget(
        'node',
        'what the node has when nothing runs: with it and `foreman`, a task that is first in line for more than a minute, and fits the node but not what is free, may keep the room from those behind it',
      ),
      tags: z.array(z.string()).max(MOST_TAGS).default([]).describe('tags of the node'),
      foreman: ForemanName.optional().describe('with it, leases are answered; one of the original has none'),
      wait: z
        .number()
        .min(0)
        .max(LONGEST_WAIT)
        .default(0)
        .describe(
          'seconds to wait for a task when there is none that fits; ended by the next request with the same `foreman`, also one with `concurency` 0',
        ),
      defaults: budget('defaults', 'what a task that does not state a limit asks for on this node'),
      idle: z.boolean().default(true).describe('nothing runs on this node: a task that wants it alone may be given'),
      images: z
        .array(z.string().max(MOST_IMAGE_NAME))
        .max(MOST_IMAGES)
        .default([])
        .describe('images that the node has, by name or digest: tasks of them are preferred'),
      paid: z
        .array(z.object({ image: z.string().max(MOST_IMAGE_NAME), size: z.number().min(0).describe('bytes') }))
        .max(MOST_IMAGES)
        .default([])
        .describe(
          'images of running tasks and their size, which is not in `limits` any more: another task of one takes only what it needs more',
        ),
    }),
    answer: z.object({ tasks: z.array(printed(taskPrinted)), leases: z.array(Lease).optional() }),
    repeatable: false,
    errors: ['bad-value'],
    about:
      'Takes tasks that fit the limits and tags. With `foreman`, each comes with a lease to be renewed by heartbeat.',
  },
  heartbeat: {
    method: 'POST',
    path: '/queue/heartbeat/',
    may: 'task.process_task',
    body: z.object({ foreman: ForemanName, tasks: z.array(Held).max(10_000) }),
    answer: z.object({ tasks: z.array(Verdict), seconds: z.number().describe('length of a renewed lease') }),
    repeatable: true,
    errors: ['bad-value'],
    extension: true,
    about: 'Renews the leases of all tasks a foreman holds, and tells it which to kill.',
  },
  explainTask: {
    method: 'GET',
    path: '/task/explain/:id/',
    may: 'user',
    params: byTask,
    answer: z.object({
      state: z.enum(Object.keys(STATES) as [State, ...State[]]),
      reasons: z.array(
        z.object({
          code: z
            .enum(['state', 'held-back', 'no-foreman', 'tag', 'limit', 'busy', 'behind'])
            .describe('what kind of obstacle it is'),
          message: z.string().describe('a sentence for people'),
        }),
      ),
    }),
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    extension: true,
    about: 'Why a task is not running: what no foreman has, what is taken, who goes before.',
  },
  queueStats: {
    method: 'GET',
    path: '/queue/stats/',
    may: 'user',
    answer: z.object({
      task_count: z.int(),
      task_resolved_count: z.int(),
      task_unresolved_count: z.int(),
      task_unassigned_count: z.int(),
      task_assigned_count: z.int(),
      task_assignees: z.record(z.string(), z.int()),
    }),
    repeatable: true,
    errors: ['not-logged-in'],
    about: 'How many tasks there are, by what has become of them.',
  },
} as const satisfies Record<string, Route>;
