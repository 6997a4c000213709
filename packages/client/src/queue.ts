/** What a foreman asks of the queue. */
import { type ForemanName, type Held, type Limits, printLimits, type RouteAnswer } from '@kolejka/protocol';
import type { Connection } from './connection.ts';

export interface DequeueRequest {
  /** Most tasks to take. */
  concurency: number;
  /** What is free on the node. */
  limits: Limits;
  /** What the node has when nothing runs. */
  node?: Limits;
  tags: readonly string[];
  foreman: ForemanName;
  /** Seconds the server may wait for a task. */
  wait?: number;
  /** What a task that does not state a limit asks for on this node. */
  defaults?: Limits;
  /** Nothing runs on this node. */
  idle?: boolean;
  /** Images that this node has. */
  images?: readonly string[];
  /** Images of running tasks and the bytes that are counted for each; `limits` is without them. */
  paid?: readonly { image: string; size: number }[];
}

/** Beyond the wait it was asked for, a server may be silent for this long. */
const PATIENCE_MS = 20_000;

/**
 * Takes tasks that fit. They are answered as JSON, for `parseTask`, so that one that cannot be read does not lose the
 * others; a server of the original gives no leases.
 * @throws GridError
 */
export async function dequeue(
  connection: Connection,
  request: DequeueRequest,
  { signal }: { signal?: AbortSignal } = {},
): Promise<RouteAnswer<'dequeue'>> {
  const { limits, node, defaults, wait = 0, ...rest } = request;
  return await connection.call('dequeue', {
    body: {
      ...rest,
      wait,
      limits: printLimits(limits),
      ...(node !== undefined && { node: printLimits(node) }),
      ...(defaults !== undefined && { defaults: printLimits(defaults) }),
    },
    patienceMs: wait * 1000 + PATIENCE_MS,
    ...(signal !== undefined && { signal }),
  });
}

/** Renews the leases of all tasks held, and hears which to kill. @throws GridError */
export async function heartbeat(
  connection: Connection,
  report: { foreman: ForemanName; tasks: readonly Held[] },
  { signal }: { signal?: AbortSignal } = {},
): Promise<RouteAnswer<'heartbeat'>> {
  return await connection.call('heartbeat', {
    body: report,
    // A renewal that comes late is worth less than the next one.
    patienceMs: PATIENCE_MS / 2,
    ...(signal !== undefined && { signal }),
  });
}
