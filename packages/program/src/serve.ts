/**
 * A request's way through a server: find the route, who is it, may they, check what came, handle, check the answer,
 * answer. Errors of every station end in one place. The routes are data (`@kolejka/protocol`); this file only walks.
 */
import { asGridError, GridError, parseShape, type Permission, type Route } from '@kolejka/protocol';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { z } from 'zod';

export { drainer } from './drain.ts';

/** Who asks: what they may do, and whatever else the server knows of them. */
export interface Caller {
  permissions: ReadonlySet<Permission>;
}

/** What a handler gets beside its checked input. */
export interface Exchange<Who extends Caller> {
  params: never;
  query: never;
  body: never;
  /** Undefined when nobody is logged in. */
  user: Who | undefined;
  request: Request;
  response: Response;
  /** Aborted when the caller goes away before the answer. */
  signal: AbortSignal;
}

export type Handler<Who extends Caller> = (exchange: Exchange<Who>) => unknown;

export interface ServeOptions<Who extends Caller> {
  routes: Record<string, Route>;
  handlers: Record<string, Handler<Who>>;
  /** Who asks, from cookies or tokens. Throws GridError when what was sent is no good. */
  identify: (request: Request) => Promise<Who | undefined> | Who | undefined;
  /** Largest JSON or form body, in bytes. */
  largestBody: number;
  /** Hears every error that is answered. */
  failed: (error: GridError, request: Request) => void;
}

/** Puts all routes on an express application, most specific first. */
export function mountRoutes<Who extends Caller>(app: Express, options: ServeOptions<Who>): void {
  app.disable('x-powered-by');
  app.set('strict routing', true);
  app.set('case sensitive routing', true);
  const readJson = express.text({ type: () => true, limit: options.largestBody, defaultCharset: 'utf-8' });

  for (const [name, route] of sortByDetail(options.routes)) {
    const handle = options.handlers[name];
    if (handle === undefined) continue;
    const stations = typeof route.body === 'object' ? [readJson] : [];
    const method = route.method.toLowerCase() as 'get' | 'post' | 'put' | 'delete';
    app[method](route.path, ...stations, async (request: Request, response: Response) => {
      const user = await options.identify(request);
      authorize(route, user);
      const gone = new AbortController();
      response.on('close', () => gone.abort());
      const answer = await handle({
        params: parseShape(route.params ?? EMPTY, request.params) as never,
        query: parseShape(route.query ?? EMPTY, request.query) as never,
        body: (typeof route.body === 'object' ? parseShape(route.body, readBody(request)) : undefined) as never,
        user,
        request,
        response,
        signal: gone.signal,
      });
      if (typeof route.answer === 'object') response.json({ ...checkAnswer(name, route.answer, answer), status: 'OK' });
    });
  }
  app.use(redirectToSlash, refuseMethod(options.routes));
  app.use((thrown: unknown, request: Request, response: Response, _next: NextFunction) => {
    const error = fromExpress(thrown);
    options.failed(error, request);
    answerError(response, error);
  });
}

const EMPTY = { safeParse: () => ({ success: true, data: {} }) } as unknown as z.ZodType;

/** Paths without parameters go first: `/task/events/` must not be taken for a task called `events`. */
function sortByDetail(routes: Record<string, Route>): [string, Route][] {
  return Object.entries(routes).toSorted(
    ([, one], [, other]) => Number(one.path.includes(':')) - Number(other.path.includes(':')),
  );
}

function authorize(route: Route, user: Caller | undefined): void {
  if (route.may === 'anyone') return;
  if (user === undefined) throw new GridError('not-logged-in', 'You are not logged in.');
  if (route.may !== 'user' && !user.permissions.has(route.may)) {
    throw new GridError('not-permitted', `This takes the permission ${route.may}.`);
  }
}

/** The body as an object. The original's clients send JSON without a Content-Type, so only forms are told apart. */
function readBody(request: Request): unknown {
  const text = typeof request.body === 'string' ? request.body : '';
  if (request.is('application/x-www-form-urlencoded') !== false && !text.trimStart().startsWith('{')) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch (cause) {
    throw new GridError('bad-json', 'The body is not JSON.', { cause });
  }
}

/** An answer that does not fit its schema is our fault, never the caller's. */
function checkAnswer(name: string, schema: z.ZodType, answer: unknown): object {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return answer as object;
  throw new GridError('internal', `the answer of ${name} does not fit its schema`, { cause: parsed.error });
}

/** The original answers 301 to a path without its last slash. */
function redirectToSlash(request: Request, response: Response, next: NextFunction): void {
  if (request.path.endsWith('/')) return next();
  const [pathname = '', search] = request.originalUrl.split('?', 2);
  response.redirect(301, search === undefined ? `${pathname}/` : `${pathname}/?${search}`);
}

function refuseMethod(routes: Record<string, Route>) {
  const patterns = Object.values(routes).map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`),
  }));
  return (request: Request, response: Response, next: NextFunction) => {
    const allowed = patterns.filter(({ pattern }) => pattern.test(request.path)).map(({ method }) => method);
    if (allowed.length === 0)
      return next(new GridError('no-route', `There is nothing at ${request.path.slice(0, 200)}.`));
    response.set('Allow', [...new Set(allowed)].join(', '));
    next(new GridError('no-method', `${request.method} is not possible here.`));
  };
}

/** Errors of express and its body parsers carry a status and a type. */
function fromExpress(thrown: unknown): GridError {
  if (thrown instanceof GridError) return thrown;
  const { status, type } = thrown as { status?: number; type?: string };
  if (type === 'entity.too.large') return new GridError('too-large', 'The body is too large.', { cause: thrown });
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new GridError('bad-body', (thrown as Error).message, { cause: thrown });
  }
  return asGridError(thrown);
}

function answerError(response: Response, error: GridError): void {
  // Half an answer cannot be taken back; the caller sees the connection break.
  if (response.headersSent) return void response.destroy();
  const message = error.code === 'internal' ? 'Something broke in the server; its log says more.' : error.message;
  response.status(error.status).json({
    message,
    code: error.code,
    ...(error.field !== undefined && { field: error.field }),
    status: 'FAIL',
  });
}
