/** One line for each request, and what is said of those that are refused. Never a header, a body or a query. */
import type { Log } from '@kolejka/program';
import type { Passage, Watcher } from '@kolejka/program/serve';
import { ERRORS, type GridError, type Route, ROUTES, type RouteName } from '@kolejka/protocol';
import type { Request } from 'express';
import type { MESSAGES } from '../messages.ts';
import type { User } from '../parts.ts';
import { requestName } from './headers.ts';
import { originOf } from './origin.ts';

type ServerLog = Log<typeof MESSAGES>;

/** A request that takes longer is said to be slow, in milliseconds. */
const SLOW_MS = 1000;

/** Says of each request how it ended: at level debug, and at level info when it was slow without a reason. */
export function requestLog(log: ServerLog): Watcher<User> {
  return {
    ended(passage) {
      const tookMs = Math.round(passage.tookMs());
      const { request, response, route, user, error } = passage;
      const fields = {
        request: requestName(response),
        route,
        method: request.method,
        status: response.statusCode,
        ms: tookMs,
        user: user?.name,
        address: originOf(request).address,
        code: error?.code,
        // The caller went away, or was cut off, before it had the whole answer.
        ...(!response.writableFinished && { unfinished: true }),
      };
      log.say(tookMs > SLOW_MS && !mayTakeLong(passage) ? 'slow request' : 'request', fields);
    },
  };
}

/** Files take as long as their line is slow, streams and long polls as long as their callers like. */
function mayTakeLong({ route: name }: Passage<User>): boolean {
  const route: Route | undefined = name === undefined ? undefined : ROUTES[name as RouteName];
  return route?.waits === true || route?.body === 'bytes' || route?.answer === 'bytes' || route?.answer === 'events';
}

/** Says why a request was refused, or what of ours broke. */
export function errorLog(log: ServerLog): (error: GridError, request: Request) => void {
  return (error, request) => {
    const { fault } = ERRORS[error.code];
    const { method, path } = request;
    const fields = { request: requestName(request.res), method, path: path.slice(0, 200), code: error.code };
    if (fault === 'ours' && error.retryAfterS === undefined) {
      log.say('request failed', { ...fields, error: error.cause ?? error });
    } else log.say('request refused', { ...fields, message: error.message });
  };
}
