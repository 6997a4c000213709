/**
 * Every request of the HTTP API, as data: the server's router, the client's calls and the documents are made from it.
 *
 * Paths and answers are the original's where it has them (docs/http.md says which are ours). An answer is one JSON
 * object whose last key is `"status": "OK"`; the schemas here are of the rest.
 */
import { z } from 'zod';
import type { Permission } from './access.ts';
import { Blob, Reference } from './blob.ts';
import type { ErrorCode } from './errors.ts';
import { BlobHash, ForemanName, ReferenceKey, TaskId } from './identifiers.ts';
import { Lease } from './life.ts';
import { type Limits, parseLimits } from './limits.ts';
import { parseHandedIn } from './result.ts';
import { checked } from './shape.ts';
import { parseTask } from './task.ts';
import { parseCount } from './units.ts';

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `:name` marks a parameter. */
  path: string;
  /** `anyone`, `user` (whoever is logged in), or the permission it takes. */
  may: 'anyone' | 'user' | Permission;
  params?: z.ZodObject;
  query?: z.ZodObject;
  /** Schema of a JSON or form body, or `bytes` for a raw stream. */
  body?: z.ZodType | 'bytes';
  /** Bytes its body may have, where that is more than a server lets a body have. */
  largest?: number;
  /** Schema of a JSON answer without `status`, `bytes` for a raw stream, `events` for server-sent events. */
  answer: z.ZodType | 'bytes' | 'events' | 'text';
  /** May the same request be sent again when no answer came? */
  repeatable: boolean;
  errors: readonly ErrorCode[];
  /** Ours, not the original's. */
  extension?: true;
  about: string;
}

const nothing = z.object({});
const byTask = z.object({ id: TaskId });
// A name that is no identifier is answered like an unknown one: `Task deadbeef is unknown`.
const byAnyTask = z.object({ id: z.string().max(200) });
const byReference = z.object({ key: ReferenceKey });
const byBlob = z.object({ hash: BlobHash });
const anyObject = z.record(z.string(), z.unknown());
const count = (field: string, absent: number) =>
  checked((value) => (value === null ? absent : Math.max(0, parseCount(value, field))), field);
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

export const ROUTES = {
  index: {
    method: 'GET',
    path: '/',
    may: 'anyone',
    answer: 'text',
    repeatable: true,
    errors: [],
    about: 'Says that a server is here, and gives a csrftoken cookie.',
  },
  logout: {
    method: 'GET',
    path: '/logout/',
    may: 'anyone',
    answer: nothing,
    repeatable: true,
    errors: [],
    about: 'Ends the session and gives a csrftoken cookie.',
  },
  logoutByPost: {
    method: 'POST',
    path: '/logout/',
    may: 'anyone',
    answer: nothing,
    repeatable: true,
    errors: ['csrf-missing'],
    about: 'Ends the session, as GET does.',
  },
  loginPage: {
    method: 'GET',
    path: '/login/',
    may: 'anyone',
    answer: nothing,
    repeatable: true,
    errors: [],
    about: 'Gives a csrftoken cookie.',
  },
  login: {
    method: 'POST',
    path: '/login/',
    may: 'anyone',
    body: z.object({ username: z.string().max(200), password: z.string().max(1000) }),
    answer: nothing,
    repeatable: true,
    errors: ['csrf-missing', 'wrong-password', 'bad-value'],
    about: 'Starts a session: rotates the csrftoken cookie and gives a sessionid cookie.',
  },
  settings: {
    method: 'GET',
    path: '/settings/',
    may: 'user',
    answer: z.object({ blob_hash_algorithm: z.string(), limits: anyObject }),
    repeatable: true,
    errors: ['not-logged-in'],
    about: 'What a client needs to know of the server.',
  },

  putReference: {
    method: 'POST',
    path: '/blob/reference/',
    may: 'blob.add_reference',
    body: 'bytes',
    answer: z.object({ reference: Reference }),
    repeatable: true,
    errors: ['bad-body', 'too-large'],
    about: 'Stores the body as a blob, once, and makes a new reference to it.',
  },
  showReference: {
    method: 'PUT',
    path: '/blob/reference/:key/',
    may: 'user',
    params: byReference,
    answer: z.object({ reference: Reference }),
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    about: 'What is known of a reference.',
  },
  getReference: {
    method: 'GET',
    path: '/blob/reference/:key/',
    may: 'user',
    params: byReference,
    answer: 'bytes',
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    about: 'The bytes of a reference; HEAD says whether it is there.',
  },
  linkBlob: {
    method: 'POST',
    path: '/blob/blob/:hash/',
    may: 'blob.view_blob',
    params: byBlob,
    answer: z.object({ reference: Reference }),
    repeatable: true,
    errors: ['not-found'],
    about: 'Makes a new reference to bytes the server already has.',
  },
  showBlob: {
    method: 'PUT',
    path: '/blob/blob/:hash/',
    may: 'blob.view_blob',
    params: byBlob,
    answer: z.object({ blob: Blob }),
    repeatable: true,
    errors: ['not-found'],
    about: 'What is known of a blob.',
  },
  getBlob: {
    method: 'GET',
    path: '/blob/blob/:hash/',
    may: 'blob.view_blob',
    params: byBlob,
    answer: 'bytes',
    repeatable: true,
    errors: ['not-found'],
    about: 'The bytes of a blob.',
  },

  putTask: {
    method: 'POST',
    path: '/task/task/',
    may: 'task.add_task',
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
  putResult: {
    method: 'POST',
    path: '/task/result/',
    may: 'task.process_task',
    // As many files as a worker collects, each with its name and reference.
    largest: 16 * 1024 ** 2,
    body: checked((value) => parseHandedIn(value), ''),
    answer: z.object({ result: anyObject }),
    repeatable: true,
    errors: [
      'bad-value',
      'not-permitted',
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
    path: '/task/result/:id/',
    may: 'user',
    params: byAnyTask,
    answer: z.object({ result: anyObject }),
    repeatable: true,
    errors: ['task-unknown', 'not-found', 'not-permitted', 'task-failed', 'task-cancelled'],
    about: 'The result of a task; 404 as long as there is none.',
  },
  watchTasks: {
    method: 'GET',
    path: '/task/events/',
    may: 'user',
    query: z.object({ task: TaskId, after: count('after', 0) }),
    answer: 'events',
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    extension: true,
    about: 'The events of a task as a server-sent stream, past ones first; resumable by number with Last-Event-ID.',
  },

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

  live: {
    method: 'GET',
    path: '/health/live/',
    may: 'anyone',
    answer: nothing,
    repeatable: true,
    errors: [],
    extension: true,
    about: 'The server answers.',
  },
  ready: {
    method: 'GET',
    path: '/health/ready/',
    may: 'anyone',
    answer: nothing,
    repeatable: true,
    errors: ['internal'],
    extension: true,
    about: 'The server has its database and its blobs.',
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;
export const ROUTE_NAMES = Object.keys(ROUTES) as readonly RouteName[];

/** What a handler of the route is given. */
export type RouteInput<Name extends RouteName> = {
  params: (typeof ROUTES)[Name] extends { params: infer Schema extends z.ZodType }
    ? z.output<Schema>
    : Record<string, never>;
  query: (typeof ROUTES)[Name] extends { query: infer Schema extends z.ZodType }
    ? z.output<Schema>
    : Record<string, never>;
  body: (typeof ROUTES)[Name] extends { body: infer Schema }
    ? Schema extends z.ZodType
      ? z.output<Schema>
      : undefined
    : undefined;
};

/** What the route answers, beside its status. */
export type RouteAnswer<Name extends RouteName> =
  (typeof ROUTES)[Name]['answer'] extends z.ZodType<infer Answer> ? Answer : undefined;
