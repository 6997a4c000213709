/**
 * The way between a process and the server: messages are late, overtake each other, get lost or come twice. Bodies and
 * answers go through JSON and the shapes of the routes, as over HTTP.
 */
import type { CallOptions } from '@kolejka/program/call';
import {
  asGridError,
  GridError,
  parseShape,
  type Route,
  type RouteAnswer,
  type RouteName,
  ROUTES,
} from '@kolejka/protocol';
import type { Connection } from '../../packages/client/src/connection.ts';
import type { Process } from './process.ts';
import type { Random } from './random.ts';
import type { SimulatedServer } from './server.ts';
import type { Time } from './time.ts';
import type { KnownUser } from './users.ts';

/** How bad the way is at this moment. */
export interface Link {
  /** Nothing gets through. */
  cut: boolean;
  /** Chance that a message gets lost, or that a request comes twice. */
  lossy: number;
  /** Longest delay of a message, in milliseconds. */
  delayMs: number;
}

interface Ends {
  time: Time;
  random: Random;
  from: Process;
  /** The server as it is now; undefined while it is down. */
  server: () => SimulatedServer | undefined;
  user: KnownUser;
  link: Link;
}

const PATIENCE_MS = 30_000;

/** What the client library takes for a connection. */
export function connect(ends: Ends): Pick<Connection, 'call'> {
  return { call: (name, options) => call(ends, name, options ?? {}) };
}

function call<Name extends RouteName>(
  { time, random, from, server, user, link }: Ends,
  name: Name,
  { params, body, signal, patienceMs = PATIENCE_MS }: CallOptions<Name>,
): Promise<RouteAnswer<Name>> {
  const { promise, resolve, reject } = Promise.withResolvers<RouteAnswer<Name>>();
  /** What the server sees when we are gone. */
  const gone = new AbortController();
  let isSettled = false;

  const settle = (how: () => void): void => {
    if (isSettled) return;
    isSettled = true;
    for (const forget of forgets) forget();
    signal?.removeEventListener('abort', abort);
    travel(() => gone.abort(new Error('the caller is gone')));
    how();
  };
  const unreachable = () => reject(new GridError('server-unreachable', 'The server is not there.'));
  const abort = () => settle(() => reject(signal?.reason as Error));
  /** One message, in either direction. */
  const travel = (arrive: () => void) => {
    if (link.cut || random.chance(link.lossy)) return;
    time.after(random.between(0, link.delayMs), () => {
      if (!link.cut) arrive();
    });
  };
  const answer = (how: () => void) => travel(() => from.deliver(() => settle(how)));
  const ask = () => {
    const there = server();
    if (there === undefined) return answer(unreachable);
    there.process.deliver(() => {
      const asked = { params: params as unknown, body: roundTrip(body), user, signal: gone.signal };
      const handled = there.handle(name, asked);
      handled.then(
        (said) => there.process.deliver(() => answer(() => resolve(roundTrip(said) as RouteAnswer<Name>))),
        (thrown: unknown) => there.process.deliver(() => answer(() => reject(asGridError(thrown)))),
      );
    });
  };
  const forgets = [
    time.after(patienceMs, () => from.deliver(() => settle(unreachable))),
    // The kernel closes the connections of the dead.
    from.atEnd(() => travel(() => gone.abort(new Error('the caller is dead')))),
  ];
  if (signal?.aborted === true) abort();
  else signal?.addEventListener('abort', abort, { once: true });
  if (!isSettled) travel(ask);
  // A proxy that sends a request again; only one answer is heard.
  if (!isSettled && random.chance(link.lossy / 2) && ROUTES[name].method !== 'GET') travel(ask);
  return promise;
}

function roundTrip(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** What came, as a route takes it. @throws GridError `bad-value` */
export function parseAsked(name: RouteName, asked: { params: unknown; body: unknown }): { params: never; body: never } {
  const route: Route = ROUTES[name];
  return {
    params: (route.params === undefined ? {} : parseShape(route.params, asked.params)) as never,
    body: (typeof route.body === 'object' ? parseShape(route.body, asked.body) : undefined) as never,
  };
}
