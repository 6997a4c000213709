/** Call a route by its name. Errors come back as codes; what is safe to repeat is repeated when no answer came. */
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { GridError, ROUTES, type Route, type RouteAnswer, type RouteInput, type RouteName } from '@kolejka/protocol';
import { parseAnswer, refusalOf } from './answer.ts';
import { realClock } from './clock.ts';
import type { Connections, Response } from './connections.ts';
import { backOff } from './loop.ts';

export { type Connections, openConnections } from './connections.ts';

/** Where to call, and what to send along. */
export interface Destination {
  /** Address of the server, a path prefix included: `http://host:port/kolejka`. */
  server: string;
  /** Headers of every request: cookies, tokens. Asked anew for each try. */
  headers: () => Record<string, string>;
  /** Hears the headers of every answer: cookies. */
  heard?: (headers: Response['headers']) => void;
  connections: Connections;
}

export interface CallOptions<Name extends RouteName> {
  params?: RouteInput<Name>['params'] extends Record<string, never>
    ? never
    : Record<keyof RouteInput<Name>['params'], string>;
  query?: Record<string, string | number>;
  /** JSON, or a form, or for routes with a body of bytes: a function that opens the stream anew for each try. */
  body?: unknown;
  form?: Record<string, string>;
  /** What the stream throws as a GridError is what the call throws: the server has no part in it. */
  bytes?: { open: () => Readable | Buffer; size: number };
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Longest silence of the server before the answer and inside it, in milliseconds. */
  patienceMs?: number;
  /** Overrides the route's: a key in the headers makes what is not repeatable so. */
  repeatable?: boolean;
}

/** An answer that is bytes. */
export interface Bytes {
  body: Readable;
  /** What the server says of their number. */
  size: number | undefined;
  /** The ETag without its quotes: our server's is the hash of the bytes. */
  etag: string | undefined;
}

/** What Node refuses to send. */
const UNSENDABLE: ReadonlySet<string> = new Set(['ERR_INVALID_CHAR', 'ERR_INVALID_URL', 'ERR_INVALID_PROTOCOL']);

/** How often a repeatable call is tried. */
const TRIES = 4;

/** The request has not left this machine: sending it again is harmless whatever it is. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CONNECT_TIMEOUT',
]);

/**
 * Calls the route and answers its JSON, checked, without `status`.
 * @throws GridError with the server's code; `server-unreachable` when there is no answer, `bad-answer` when it does
 * not fit the route, `bad-config` when what is to be sent cannot be
 */
export async function callRoute<Name extends RouteName>(
  to: Destination,
  name: Name,
  options: CallOptions<Name> = {},
): Promise<RouteAnswer<Name>> {
  return await send(to, name, options, async (response) => {
    const answer = { status: response.status, headers: response.headers, text: await text(response.body) };
    return parseAnswer(to.server, name, answer);
  });
}

/**
 * Calls a route that answers bytes or events. The body breaks with the error of the connection.
 * @throws GridError as `callRoute`
 */
export async function callForBytes<Name extends RouteName>(
  to: Destination,
  name: Name,
  options: CallOptions<Name> = {},
): Promise<Bytes> {
  return await send(to, name, options, async (response) => {
    const { status, headers, body } = response;
    if (status !== 200) throw refusalOf(to.server, name, { status, headers, text: await text(body) });
    const length = headers['content-length'] === undefined ? Number.NaN : Number(headers['content-length']);
    const etag = headers['etag'];
    return {
      body,
      size: Number.isFinite(length) ? length : undefined,
      etag: typeof etag === 'string' ? /^(?:W\/)?"(.*)"$/.exec(etag)?.[1] : undefined,
    };
  });
}

async function send<Name extends RouteName, Answer>(
  to: Destination,
  name: Name,
  options: CallOptions<Name>,
  read: (response: Response) => Promise<Answer>,
): Promise<Answer> {
  const route: Route = ROUTES[name];
  const url = addressOf(to.server, route, options);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await to.connections.request(url, {
        method: route.method,
        headers: { ...to.headers(), ...bodyHeaders(options), ...options.headers },
        body: bodyOf(options),
        patienceMs: options.patienceMs ?? 60_000,
        signal: options.signal,
      });
      to.heard?.(response.headers);
      return await read(response);
    } catch (cause) {
      if (options.signal?.aborted === true) throw cause;
      const error =
        cause instanceof GridError ? cause : (unsendable(to.server, cause) ?? unreachable(to.server, cause));
      if (error.code !== 'server-unreachable' && error.code !== 'busy') throw error;
      const harmless = (options.repeatable ?? route.repeatable) || NEVER_SENT.has(codeOf(cause) ?? '');
      if (!harmless || attempt >= TRIES) throw error;
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

/** A request that Node does not even make, however often it is asked. What it holds is not shown: it may be a token. */
function unsendable(server: string, cause: unknown): GridError | undefined {
  if (!UNSENDABLE.has(codeOf(cause) ?? '')) return undefined;
  const { message } = cause as Error;
  const header = /^Invalid character in header content \["(\S+)"\]$/.exec(message)?.[1];
  if (header === undefined) {
    return new GridError('bad-config', `Nothing can be sent to the server ${server}: ${message}.`, { cause });
  }
  const field = header === 'authorization' ? 'token' : header;
  const why = 'it holds a line break or another character that no header can hold';
  return new GridError('bad-config', `The ${field} cannot be sent to the server ${server}: ${why}.`, { field, cause });
}

function unreachable(server: string, cause: unknown): GridError {
  const code = codeOf(cause) ?? (cause as Error).message;
  // An address without a scheme is https, which a server on one's own machine seldom speaks.
  const reason = /SSL|EPROTO/.test(code) ? 'it does not speak https; write http:// before its address' : code;
  return new GridError('server-unreachable', `The server ${server} does not answer (${reason}).`, { cause });
}

function codeOf(cause: unknown): string | undefined {
  return (cause as { code?: string }).code;
}
