/** Call a route by its name. Errors come back as codes; what is safe to repeat is repeated when no answer came. */
import type { Readable } from 'node:stream';
import {
  GridError,
  isErrorCode,
  ROUTES,
  type Route,
  type RouteAnswer,
  type RouteInput,
  type RouteName,
} from '@kolejka/protocol';
import { Agent, type Dispatcher, request } from 'undici';
import { realClock } from './clock.ts';
import { backOff } from './loop.ts';

/** Where to call, and what to send along. */
export interface Destination {
  /** Address of the server, a path prefix included: `http://host:port/kolejka`. */
  server: string;
  /** Headers of every request: cookies, tokens. Asked anew for each try. */
  headers: () => Record<string, string>;
  /** Hears the headers of every answer: cookies. */
  heard?: (headers: Dispatcher.ResponseData['headers']) => void;
  dispatcher?: Dispatcher;
}

export interface CallOptions<Name extends RouteName> {
  params?: RouteInput<Name>['params'] extends Record<string, never>
    ? never
    : Record<keyof RouteInput<Name>['params'], string>;
  query?: Record<string, string | number>;
  /** JSON, or a form, or for routes with a body of bytes: a function that opens the stream anew for each try. */
  body?: unknown;
  form?: Record<string, string>;
  bytes?: { open: () => Readable | Buffer; size: number };
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Longest silence of the server before the answer, in milliseconds. */
  patienceMs?: number;
}

/** How often a repeatable call is tried. */
const TRIES = 4;

/** Connections of one program to its server. Closed by whoever opened them. */
export function openConnections(): Agent {
  return new Agent({ keepAliveTimeout: 30_000, connect: { timeout: 10_000 } });
}

/**
 * Calls the route and answers its JSON, `status` included and checked.
 * @throws GridError with the server's code; `server-unreachable` when there is no answer
 */
export async function callRoute<Name extends RouteName>(
  to: Destination,
  name: Name,
  options: CallOptions<Name> = {},
): Promise<RouteAnswer<Name>> {
  const response = await send(to, name, options);
  const text = await response.body.text();
  return parseAnswer(name, response.statusCode, text) as RouteAnswer<Name>;
}

/**
 * Calls a route that answers bytes.
 * @throws GridError as `callRoute`
 */
export async function callForBytes<Name extends RouteName>(
  to: Destination,
  name: Name,
  options: CallOptions<Name> = {},
): Promise<{ body: Readable; size: number | undefined }> {
  const response = await send(to, name, options);
  if (response.statusCode !== 200) parseAnswer(name, response.statusCode, await response.body.text());
  const length = Number(response.headers['content-length']);
  return { body: response.body, size: Number.isFinite(length) ? length : undefined };
}

async function send<Name extends RouteName>(
  to: Destination,
  name: Name,
  options: CallOptions<Name>,
): Promise<Dispatcher.ResponseData> {
  const route: Route = ROUTES[name];
  const url = addressOf(to.server, route, options);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await request(url, {
        method: route.method,
        headers: { ...to.headers(), ...bodyHeaders(options), ...options.headers },
        body: bodyOf(options),
        headersTimeout: options.patienceMs ?? 60_000,
        bodyTimeout: options.patienceMs ?? 60_000,
        ...(options.signal !== undefined && { signal: options.signal }),
        ...(to.dispatcher !== undefined && { dispatcher: to.dispatcher }),
      });
      to.heard?.(response.headers);
      return response;
    } catch (cause) {
      if (options.signal?.aborted === true) throw cause;
      if (!route.repeatable || attempt >= TRIES) {
        throw new GridError('server-unreachable', `The server ${to.server} does not answer (${reasonOf(cause)}).`, {
          cause,
        });
      }
      await realClock.sleep(backOff(attempt), options.signal);
    }
  }
}

function addressOf(
  server: string,
  route: Route,
  options: { params?: unknown; query?: Record<string, string | number> },
): string {
  const params = (options.params ?? {}) as Record<string, string>;
  const path = route.path.replaceAll(/:(\w+)/g, (_all, name: string) => encodeURIComponent(params[name] ?? ''));
  const query = new URLSearchParams(Object.entries(options.query ?? {}).map(([key, value]) => [key, String(value)]));
  return `${server.replace(/\/+$/, '')}${path}${query.size > 0 ? `?${query.toString()}` : ''}`;
}

function bodyHeaders(options: CallOptions<RouteName>): Record<string, string> {
  if (options.bytes !== undefined)
    return { 'content-length': String(options.bytes.size), 'content-type': 'application/octet-stream' };
  if (options.form !== undefined) return { 'content-type': 'application/x-www-form-urlencoded' };
  return options.body === undefined ? {} : { 'content-type': 'application/json' };
}

function bodyOf(options: CallOptions<RouteName>): Readable | Buffer | string | null {
  if (options.bytes !== undefined) return options.bytes.open();
  if (options.form !== undefined) return new URLSearchParams(options.form).toString();
  return options.body === undefined ? null : JSON.stringify(options.body);
}

function parseAnswer(name: RouteName, status: number, text: string): Record<string, unknown> {
  let answer: Record<string, unknown> | undefined;
  try {
    answer = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // The original answers errors with HTML or nothing; the status says it then.
    answer = undefined;
  }
  if (status === 200 && answer?.['status'] === 'OK') return answer;
  const message =
    typeof answer?.['message'] === 'string' ? answer['message'] : `the server answered ${status} to ${name}`;
  const field = typeof answer?.['field'] === 'string' ? { field: answer['field'] } : {};
  throw new GridError(codeOf(answer?.['code'], status), message, field);
}

/** The code the server named, else what its status means: the original names none. */
function codeOf(code: unknown, status: number): GridError['code'] {
  if (isErrorCode(code)) return code;
  if (status === 403) return 'not-permitted';
  if (status === 404) return 'not-found';
  return status >= 500 ? 'bad-answer' : 'bad-value';
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as { code?: string; message?: string };
  return code ?? message ?? 'unknown';
}
