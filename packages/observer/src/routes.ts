/** What each command of the socket does. What it is asked with stands in the protocol. */
import { parseShape, printListing, printStats, SESSION_COMMANDS, type SessionCommand } from '@kolejka/protocol';
import type { Caller } from './caller.ts';
import type { Cgroups } from './cgroup/index.ts';
import { listAll } from './listing.ts';
import { namedProcess } from './named-process.ts';
import type { Sessions } from './sessions.ts';

interface Exchange<Command extends SessionCommand> {
  body: ReturnType<(typeof SESSION_COMMANDS)[Command]['parse']>;
  /** The process that asks, or that is named in its place. */
  caller: Caller;
  sessions: Sessions;
  cgroups: Cgroups;
}

type Handlers = {
  [Command in SessionCommand]: (exchange: Exchange<Command>) => Promise<object> | object;
};

const HANDLERS: Handlers = {
  open({ caller, sessions }) {
    const { id, secret } = sessions.open(caller);
    return { session_id: id, secret };
  },

  /** Without a session it makes one: the original's implicit open. */
  async attach({ body, caller, sessions }) {
    if (body.session_id === undefined) {
      const { id, secret } = await sessions.openAttached(caller, body.limits);
      return { session_id: id, secret };
    }
    sessions.attach(caller, body.session_id, body.secret ?? '', body.limits);
    return {};
  },

  limits({ body, caller, sessions }) {
    sessions.limit(sessions.find(caller, body.session_id, body.secret), body.limits);
    return {};
  },

  stats({ body, caller, sessions }) {
    return printStats(sessions.stats(caller, body.session_id, body.secret));
  },

  detach({ body, caller, sessions }) {
    sessions.find(caller, body.session_id, body.secret).detach(caller.peer.pid);
    return {};
  },

  async freeze({ body, caller, sessions }) {
    await sessions.find(caller, body.session_id, body.secret).group.freeze();
    return {};
  },

  async thaw({ body, caller, sessions }) {
    await sessions.find(caller, body.session_id, body.secret).group.thaw();
    return {};
  },

  async kill({ body, caller, sessions }) {
    await sessions.find(caller, body.session_id, body.secret).group.kill();
    return {};
  },

  async close({ body, caller, sessions }) {
    const stats = await sessions.close(sessions.find(caller, body.session_id, body.secret), caller.peer.pid);
    return body.stats === true ? printStats(stats) : {};
  },

  async list({ caller, sessions, cgroups }) {
    return printListing(await listAll(caller, sessions, cgroups));
  },
};

export function isCommand(name: string): name is SessionCommand {
  return Object.hasOwn(SESSION_COMMANDS, name);
}

/**
 * The answer to a command, without its status.
 * @throws GridError of the table
 */
export async function runCommand(
  command: SessionCommand,
  body: unknown,
  asking: Caller,
  { sessions, cgroups }: { sessions: Sessions; cgroups: Cgroups },
): Promise<object> {
  const handler = HANDLERS[command] as (exchange: unknown) => Promise<object> | object;
  const asked = parseShape(SESSION_COMMANDS[command], body);
  const pid = 'pid' in asked ? asked.pid : undefined;
  const caller = pid === undefined ? asking : namedProcess(asking, pid, cgroups);
  return handler({ body: asked, caller, sessions, cgroups });
}
