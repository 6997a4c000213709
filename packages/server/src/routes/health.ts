/** For whoever watches over the server. */
import { isIP } from 'node:net';
import { GridError } from '@kolejka/protocol';
import type { Request } from 'express';
import { originOf } from '../door/origin.ts';
import type { Parts, Some, User } from '../parts.ts';

export function healthRoutes({ ready, metrics, settings }: Parts) {
  return {
    live: () => ({}),
    async ready() {
      await ready();
      return {};
    },
    async metrics({ user, request, response }) {
      MAY_READ[settings.metrics](user, request);
      const { type, text } = await metrics.print();
      response.set('Content-Type', type).send(text);
    },
  } satisfies Some<'live' | 'ready' | 'metrics'>;
}

/** Who may read the metrics, by the setting. @throws GridError for those who may not */
const MAY_READ: Record<Parts['settings']['metrics'], (user: User | undefined, request: Request) => void> = {
  off() {
    throw new GridError('no-route', 'The metrics of this server are off.');
  },
  local(_user, request) {
    if (!isLocal(request))
      throw new GridError('not-permitted', 'The metrics are for programs on the server’s machine.');
  },
  users(user) {
    if (user === undefined) throw new GridError('not-logged-in', 'You are not logged in.');
  },
  anyone: () => undefined,
};

/** Asked by a program on this machine, and not by a proxy here that nobody trusts for somebody elsewhere. */
function isLocal(request: Request): boolean {
  const { address, isForwarded } = originOf(request);
  const isLoopback = isIP(address) !== 0 && /^(127\.|::1$|::ffff:127\.)/.test(address);
  return isLoopback && !isForwarded;
}
