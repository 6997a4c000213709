/** Requests about the queue: what foremen ask and say, and how it stands. */
import { z } from 'zod';
import { ForemanName, TaskId } from '../identifiers.ts';
import { Lease } from '../life.ts';
import { type Limits, parseLimits } from '../limits.ts';
import { checked } from '../shape.ts';
import { parseCount } from '../units.ts';
import { anyObject, type Route } from './route.ts';

const budget = (field: string) => checked((value): Limits => parseLimits(value, field, 'budget'), field);

/** What a foreman says of each task it holds, and what it hears. */
export const Held = z.object({
  task: TaskId,
  attempt: z.int().positive(),
  /** `taken`: preparing; `running`: the program runs; `returned`: handed back unrun. */
  phase: z.enum(['taken', 'running', 'returned']).default('taken'),
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
    body: z.object({
      concurency: checked((value) => (value === null ? 1 : Math.max(0, parseCount(value, 'concurency'))), 'concurency'),
      limits: budget('limits'),
      tags: z.array(z.string()).default([]),
      foreman: ForemanName.optional(),
      /** Seconds to wait for a task when there is none that fits. */
      wait: z.number().min(0).max(LONGEST_WAIT).default(0),
      /** What a task that does not state a limit asks for on this node. */
      defaults: budget('defaults'),
      /** Nothing runs on this node: a task that wants it alone may be given. */
      idle: z.boolean().default(true),
    }),
    answer: z.object({ tasks: z.array(anyObject), leases: z.array(Lease).optional() }),
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
    answer: z.object({ tasks: z.array(Verdict), seconds: z.number() }),
    repeatable: true,
    errors: ['bad-value'],
    extension: true,
    about: 'Renews the leases of all tasks a foreman holds, and tells it which to kill.',
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
