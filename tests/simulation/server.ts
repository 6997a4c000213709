/** The server of a simulated grid: its queue, leases and results as they are, on a database file, without HTTP. */
import { runLoop } from '@kolejka/program';
import { GridError, LEASES, type RouteName } from '@kolejka/protocol';
import { openClassBook } from '../../packages/server/src/database/classes.ts';
import { followLog } from '../../packages/server/src/database/follow.ts';
import { openStore } from '../../packages/server/src/database/open.ts';
import type { Store } from '../../packages/server/src/database/store.ts';
import type { Parts } from '../../packages/server/src/parts.ts';
import { watchForAbsence } from '../../packages/server/src/queue/absence.ts';
import { forgiveAbsence } from '../../packages/server/src/queue/leases.ts';
import { openSeen } from '../../packages/server/src/queue/seen.ts';
import { openWaiting } from '../../packages/server/src/queue/waiting.ts';
import { leaseWatch } from '../../packages/server/src/queue/watch-leases.ts';
import { queueRoutes } from '../../packages/server/src/routes/queue.ts';
import { resultRoutes } from '../../packages/server/src/routes/result.ts';
import { taskStateRoutes } from '../../packages/server/src/routes/task-state.ts';
import { parseAsked } from './network.ts';
import { Process } from './process.ts';
import type { Time } from './time.ts';
import type { KnownUser } from './users.ts';

export interface Request {
  params: unknown;
  body: unknown;
  user: KnownUser;
  signal: AbortSignal;
}

export interface SimulatedServer {
  process: Process;
  store: Store;
  handle(name: RouteName, request: Request): Promise<unknown>;
  /** SIGKILL. What was committed stays. */
  crash(): Promise<void>;
}

export interface ServerFaults {
  /** Nothing can be written any more. */
  diskFull: boolean;
}

/** Starts the server on the database, as after any end of an earlier one. */
export async function startServer(time: Time, file: string, faults: ServerFaults): Promise<SimulatedServer> {
  const process = new Process(time);
  const { clock } = process;
  const opened = await openStore(file);
  const store: Store = {
    ...opened,
    read: (query) => time.during(opened.read(query)),
    write: (change) => time.during(faults.diskFull ? Promise.reject(full()) : opened.write(change)),
  };
  await opened.write((db) => forgiveAbsence(db, clock.now()));
  const failed = () => undefined;
  const follow = await followLog(store, failed);
  const classes = openClassBook();
  const stopping = new AbortController().signal;
  const parts = {
    store,
    follow,
    classes,
    seen: openSeen(),
    waiting: openWaiting({ store, follow, classes }),
    absence: watchForAbsence(clock),
    clock,
    log: { say: () => undefined },
    stopping,
    leaseMs: LEASES.renewedMs,
    // What these routes do not use is not there.
  } as unknown as Parts;
  const handlers: Partial<Record<RouteName, (exchange: never) => unknown>> = {
    ...queueRoutes(parts),
    ...resultRoutes(parts),
    ...taskStateRoutes(parts),
  };
  void runLoop({ pass: leaseWatch(parts), signal: stopping, failed, clock });
  return {
    process,
    store,
    async handle(name, request) {
      const handler = handlers[name];
      if (handler === undefined) throw new GridError('no-route', `The simulated server has no ${name}.`);
      const { token, ...user } = request.user;
      const headers = { authorization: `Bearer ${token}` };
      const asked = parseAsked(name, request);
      return await handler({ ...asked, user, signal: request.signal, request: { headers } } as never);
    },
    async crash() {
      process.kill();
      await opened.close();
    },
  };
}

function full(): GridError {
  return new GridError('no-space', 'The disk of the server is full; nothing of this was kept.');
}
