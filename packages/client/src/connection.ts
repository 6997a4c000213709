/** Calls to one server as one user: logs in before the first, and once again when the session has ended meanwhile. */
import {
  type Bytes,
  callForBytes,
  type CallOptions,
  callRoute,
  type Connections,
  type Destination,
  openConnections,
} from '@kolejka/program/call';
import { type ErrorCode, GridError, type RouteAnswer, type RouteName, TaskId } from '@kolejka/protocol';
import { type Credentials, openLogin } from './login.ts';

export interface ConnectionOptions extends Credentials {
  /** Address with its scheme, as `parseServer` gives it. */
  server: string;
  /** Shared connections; without them own ones are opened, and closed by `close`. */
  connections?: Connections;
}

export interface Connection {
  readonly server: string;
  /** As `callRoute`, logged in. @throws GridError */
  call<Name extends RouteName>(name: Name, options?: CallOptions<Name>): Promise<RouteAnswer<Name>>;
  /** As `callForBytes`, logged in. @throws GridError */
  callForBytes<Name extends RouteName>(name: Name, options?: CallOptions<Name>): Promise<Bytes>;
  /** Is it a server of ours, with events, leases and Idempotency-Key, or one of the original? Asked once. */
  hasExtensions(): Promise<boolean>;
  close(): Promise<void>;
}

/** What a server says whose session of ours is no longer. */
const SESSION_ENDED: ReadonlySet<ErrorCode> = new Set(['not-logged-in', 'csrf-missing']);

export function openConnection(options: ConnectionOptions): Connection {
  const { server } = options;
  const areOwn = options.connections === undefined;
  const connections = options.connections ?? openConnections();
  const login = openLogin(server, options, connections);
  let extensions: Promise<boolean> | undefined;

  async function loggedIn<Answer>(call: (to: Destination) => Promise<Answer>): Promise<Answer> {
    const before = await login.ensure();
    try {
      return await call(login.destination);
    } catch (thrown) {
      const ended = thrown instanceof GridError && SESSION_ENDED.has(thrown.code);
      if (!ended || !(await login.renew(before))) throw thrown;
      return await call(login.destination);
    }
  }

  async function askForExtensions(): Promise<boolean> {
    try {
      await callRoute(login.destination, 'live');
      return true;
    } catch (thrown) {
      if (thrown instanceof GridError && thrown.code === 'not-found') return false;
      extensions = undefined;
      throw thrown;
    }
  }

  return {
    server,
    call: (name, given) => loggedIn((to) => callRoute(to, name, given)),
    callForBytes: (name, given) => loggedIn((to) => callForBytes(to, name, given)),
    hasExtensions: () => (extensions ??= askForExtensions()),
    close: async () => {
      if (areOwn) connections.close();
    },
  };
}

/** The call's answer; a refusal with one of the codes is said with our sentence in place of the server's. */
export async function explained<Answer>(
  call: Promise<Answer>,
  sentences: Partial<Record<ErrorCode, string>>,
): Promise<Answer> {
  try {
    return await call;
  } catch (thrown) {
    const sentence = thrown instanceof GridError ? sentences[thrown.code] : undefined;
    if (sentence === undefined) throw thrown;
    throw new GridError((thrown as GridError).code, sentence, { cause: thrown });
  }
}

/**
 * The sentence for a thing that is not on the server.
 * @throws GridError `not-found` with it at once when this cannot be an identifier: nothing need be sent
 */
export function unknownSentence({ server }: Connection, what: 'task' | 'reference', id: string): string {
  const sentence = `There is no ${what} ${id.slice(0, 80)} on the server ${server}.`;
  // Both are 32 hexadecimal digits.
  if (!TaskId.safeParse(id).success) throw new GridError('not-found', sentence);
  return sentence;
}
