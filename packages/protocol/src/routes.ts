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
import { QUEUE_ROUTES } from './routes/queue.ts';
import { RESULT_ROUTES } from './routes/result.ts';
import type { Route } from './routes/route.ts';
import { TASK_ROUTES } from './routes/task.ts';

export { Held, LONGEST_WAIT, Verdict } from './routes/queue.ts';
export type { Route } from './routes/route.ts';

export const ROUTES = {
  ...ACCOUNT_ROUTES,
  ...BLOB_ROUTES,
  ...TASK_ROUTES,
  ...RESULT_ROUTES,
  ...QUEUE_ROUTES,
  ...HEALTH_ROUTES,
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
