/**
 * Every request of the HTTP API, as data: the server's router, the client's calls and the documents are made from it.
 *
 * Paths and answers are the original's where it has them (docs/http.md says which are ours). An answer is one JSON
 * object whose last key is `"status": "OK"`; the schemas here are of the rest. The rows are in `routes/`, one noun a file.
 */
import type { z } from 'zod';
import { ACCOUNT_ROUTES } from './routes/account.ts';
import { BLOB_ROUTES } from './routes/blob.ts';
import { HEALTH_ROUTES } from './routes/health.ts';
import { OUTPUT_ROUTES } from './routes/output.ts';
import { QUEUE_ROUTES } from './routes/queue.ts';
import { RESULT_ROUTES } from './routes/result.ts';
import type { Route } from './routes/route.ts';
import { TASK_ROUTES } from './routes/task.ts';

export { errorsOf } from './routes/errors-of.ts';
export { KEPT_OUTPUT_BYTES, OutputPart } from './routes/output.ts';
export { Held, LONGEST_WAIT, Verdict } from './routes/queue.ts';
export type { Route } from './routes/route.ts';

/** What requests are about. */
export const NOUNS = {
  account: { about: 'Who one is, and what the server is.', routes: ACCOUNT_ROUTES },
  blob: { about: 'Bytes, and references to them.', routes: BLOB_ROUTES },
  task: { about: 'What is asked.', routes: { ...TASK_ROUTES, ...OUTPUT_ROUTES } },
  result: { about: 'What came of it.', routes: RESULT_ROUTES },
  queue: { about: 'What foremen ask and say, and how the queue stands.', routes: QUEUE_ROUTES },
  health: { about: 'For those who operate the server.', routes: HEALTH_ROUTES },
} as const satisfies Record<string, { about: string; routes: Record<string, Route> }>;

export const ROUTES = {
  ...NOUNS.account.routes,
  ...NOUNS.blob.routes,
  ...NOUNS.task.routes,
  ...NOUNS.result.routes,
  ...NOUNS.queue.routes,
  ...NOUNS.health.routes,
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
