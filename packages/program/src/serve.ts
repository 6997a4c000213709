/**
 * A request's way through a server: find the route, who is it, may they, read and check what came, handle, check the
 * answer, answer. Errors of every station end in one place (`serve-errors.ts`). The routes are data
 * (`@kolejka/protocol`); this file only walks. Nothing is read of a body before the caller is known to be allowed.
 */
import {
  GridError,
  parseShape,
  type Permission,
  type Route,
  type RouteAnswer,
  type RouteInput,
  type RouteName,
  type ROUTES,
} from '@kolejka/protocol';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { z } from 'zod';
import { openBodies } from './serve-body.ts';
import { goOn } from './serve-continue.ts';
import { answerError, fromExpress } from './serve-errors.ts';
import { redirectToSlash, refuseDots, refuseMethod } from './serve-missing.ts';
import { openPassages, type Watcher } from './serve-passage.ts';

export { drainer } from './drain.ts';
export { heedExpectations } from './serve-continue.ts';
export type { Passage, Watcher } from './serve-passage.ts';

/** Who asks: what they may do, and whatever else the server knows of them. */
export interface Caller {
  permissions: ReadonlySet<Permission>;
}

/** What any handler gets. `ExchangeOf` says for each route of which types the first four are. */
export interface Exchange {
  params: never;
  query: never;
  body: never;
  user: never;
  request: Request;
  response: Response;
  /** Aborted when the caller goes away, and when the answer is complete. */
  signal: AbortSignal;
}

export type Handler = (exchange: Exchange) => unknown;

/** What the handler of one route of the table gets: its input, and a user where the route takes one. */
export type ExchangeOf<Name extends RouteName, Who extends Caller> = Omit<Exchange, keyof RouteInput<Name> | 'user'> &
  RouteInput<Name> & { user: (typeof ROUTES)[Name]['may'] extends 'anyone' ? Who | undefined : Who };

/**
 * A handler for every route of the table, each of which answers what its route says, without `status`. Handlers of
 * `bytes`, `events` and `text` write the response themselves.
 */
export type Handlers<Who extends Caller> = {
  [Name in RouteName]: (
    exchange: ExchangeOf<Name, Who>,
  ) => RouteAnswer<Name> extends undefined ? Promise<void> | void : Promise<RouteAnswer<Name>> | RouteAnswer<Name>;
};

export interface ServeOptions<Who extends Caller> {
  routes: Record<string, Route>;
  handlers: Record<string, Handler>;
  /** Who asks, from cookies or tokens. Throws GridError when what was sent is no good. */
  identify: (request: Request) => Promise<Who | undefined> | Who | undefined;
  /** Largest JSON or form body, in bytes, of routes that do not say more themselves. */
  largestBody: number;
  /** How long a JSON or form body may take to come, in milliseconds; 30 s. */
  bodyWithinMs?: number;
  /** How many requests may be in work at a time, without those that wait or stream; 1000. */
  mostInWork?: number;
  /** Hears every error that is answered. */
  failed: (error: GridError, request: Request) => void;
  /** See every request come and go. */
  watchers?: readonly Watcher<Who>[];
}

const BODY_WITHIN_MS = 30_000;
const MOST_IN_WORK = 1000;

/** Largest body, in bytes, of callers nobody knows: they log in. */
const LARGEST_OF_STRANGERS = 16 * 1024;

/** Puts all routes on an express application, those without parameters first. */
export function mountRoutes<Who extends Caller>(app: Express, options: ServeOptions<Who>): void {
  app.disable('x-powered-by');
  // Whatever happens, also where our own answer to an error fails: no stack trace leaves this machine.
  app.set('env', 'production');
  // Answers are made anew each time; hashing each for an ETag would cost more than it saves.
  app.disable('etag');
  const passages = openPassages(options.watchers ?? []);
  app.use(passages.open);
  // A router of its own: that of the application is made when something is first put on it, with the settings of then.
  const router = express.Router({ strict: true, caseSensitive: true });
  app.use(router);
  const stations = { ...options, note: passages.note, bodies: openBodies(), inWork: openCount(options.mostInWork) };
  for (const [name, route] of sortByDetail(options.routes)) {
    const handle = options.handlers[name];
    if (handle === undefined) continue;
    const method = route.method.toLowerCase() as 'get' | 'post' | 'put' | 'patch' | 'delete';
    const paths = route.slashless === true ? [route.path, route.path.slice(0, -1)] : [route.path];
    router[method](paths, walk(name, route, handle, stations));
  }
  app.use(refuseDots, redirectToSlash, refuseMethod(options.routes));
  app.use((thrown: unknown, request: Request, response: Response, _next: NextFunction) => {
    const error = fromExpress(thrown);
    passages.note(request, { error });
    options.failed(error, request);
    answerError(request, response, error);
  });
}

interface Stations<Who extends Caller> extends ServeOptions<Who> {
  note: ReturnType<typeof openPassages<Who>>['note'];
  bodies: ReturnType<typeof openBodies>;
  inWork: ReturnType<typeof openCount>;
}

/** The stations of one route, in their order. */
function walk<Who extends Caller>(name: string, route: Route, handle: Handler, stations: Stations<Who>) {
  const { largestBody, bodyWithinMs: withinMs = BODY_WITHIN_MS, identify, note, inWork } = stations;
  const largest = route.may === 'anyone' ? LARGEST_OF_STRANGERS : Math.max(route.largest ?? 0, largestBody);
  const readBody = stations.bodies({ largest, withinMs });
  return async (request: Request, response: Response): Promise<void> => {
    note(request, { route: name });
    if (isWork(route)) inWork.refuseMore();
    const user = await identify(request);
    if (user !== undefined) note(request, { user });
    authorize(route, user);
    const params = parseShape(route.params ?? EMPTY, request.params) as never;
    const query = parseShape(route.query ?? EMPTY, request.query) as never;
    if (route.body !== undefined) goOn(request, response);
    const body = (
      typeof route.body === 'object' ? parseShape(route.body, await readBody(request)) : undefined
    ) as never;
    // Not before: strangers whose bodies do not come would take the place of all others.
    if (isWork(route)) inWork.add(response);
    const answer = await handle(new Asked({ params, query, body, user: user as never, request, response }));
    if (typeof route.answer === 'object') answerJson(response, 200, checkAnswer(name, route.answer, answer));
  };
}

/**
 * Its signal is made for those only that ask: most handlers are done before anybody could go away. A class, for a getter
 * of each object alone would keep every request, its answer and its socket until the next whole garbage collection:
 * measured 2026-11, 6 MB of every 16, which took 9 ms of every 54 under load.
 */
class Asked implements Exchange {
  readonly params: never;
  readonly query: never;
  readonly body: never;
  readonly user: never;
  readonly request: Request;
  readonly response: Response;

  constructor({ params, query, body, user, request, response }: Omit<Exchange, 'signal'>) {
    this.params = params;
    this.query = query;
    this.body = body;
    this.user = user;
    this.request = request;
    this.response = response;
  }

  get signal(): AbortSignal {
    return goneSignal(this.response);
  }
}

/** Made once: an error of its own for every answer that waited would cost more than the rest of the signal. */
const OVER = new Error('the answer is over');

/** Aborted when the answer is over, sent or not. */
function goneSignal(response: Response): AbortSignal {
  const gone = new AbortController();
  if (response.closed) gone.abort(OVER);
  else response.on('close', () => gone.abort(OVER));
  return gone.signal;
}

/** Streams last as long as their callers like, and so do long polls; health must be heard of in the worst of times. */
function isWork(route: Route): boolean {
  return typeof route.answer === 'object' && route.body !== 'bytes' && route.waits !== true && route.slashless !== true;
}

interface Count {
  /** @throws GridError `busy` when there are enough: then it is better to say so than to let all of them wait */
  refuseMore(): void;
  /** Counts an answer as work until it is complete. @throws GridError `busy` */
  add(response: Response): void;
}

function openCount(most = MOST_IN_WORK): Count {
  let count = 0;
  const refuseMore = () => {
    if (count >= most) throw new GridError('busy', `${most} requests are in work already.`, { retryAfterS: 1 });
  };
  return {
    refuseMore,
    add(response) {
      refuseMore();
      // Its caller went away while its body was read: it is over already.
      if (response.closed) return;
      count += 1;
      response.on('close', () => (count -= 1));
    },
  };
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

/** An answer that does not fit its schema is our fault, never the caller's. */
function checkAnswer(name: string, schema: z.ZodType, answer: unknown): object {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return answer as object;
  throw new GridError('internal', `the answer of ${name} does not fit its schema`, { cause: parsed.error });
}

/** JSON as the original sends it: `status` is the last key, the type has no charset. */
function answerJson(response: Response, status: number, answer: object): void {
  const bytes = Buffer.from(JSON.stringify({ ...answer, status: 'OK' }));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
}
