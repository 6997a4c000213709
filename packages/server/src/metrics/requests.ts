/** Requests as numbers: how many, how long, how large, and how many are under way. */
import type { Socket } from 'node:net';
import type { Passage, Watcher } from '@kolejka/program/serve';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { User } from '../parts.ts';

/** Watches requests for the registry. Requests that fit no route are counted together. */
export function watchRequests(registry: Registry): Watcher<User> {
  const registers = [registry];
  const seconds = new Histogram({
    name: 'kolejka_request_seconds',
    help: 'From the headers of a request to the end of its answer, by route and class of status; long polls wait on purpose.',
    labelNames: ['route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const underWay = new Gauge({
    name: 'kolejka_requests_in_flight',
    help: 'Requests under way, by route; those of dequeue are the foremen that wait for a task.',
    labelNames: ['route'],
    registers,
  });
  const received = new Counter({
    name: 'kolejka_received_bytes_total',
    help: 'Bytes of requests with their headers, by route; those of putReference are files.',
    labelNames: ['route'],
    registers,
  });
  const sent = new Counter({
    name: 'kolejka_sent_bytes_total',
    help: 'Bytes of answers with their headers, by route; those of getReference and getBlob are files.',
    labelNames: ['route'],
    registers,
  });
  const onWire = openWire();

  return {
    began: ({ route }) => underWay.inc({ route: route ?? NONE }),
    ended(passage) {
      const { route = NONE } = passage;
      if (route !== NONE) underWay.dec({ route });
      seconds.observe({ route, status: statusClass(passage) }, passage.tookMs() / 1000);
      const bytes = onWire(passage.socket);
      received.inc({ route }, bytes.received);
      sent.inc({ route }, bytes.sent);
    },
  };
}

const NONE = 'none';

/** `2xx`, or `gone` where the caller went away before there was an answer. */
function statusClass({ response }: Passage<User>): string {
  return response.headersSent ? `${Math.floor(response.statusCode / 100)}xx` : 'gone';
}

/** A connection serves one request after the other: those of the last one are the bytes since the end of that before. */
function openWire(): (socket: Socket) => { received: number; sent: number } {
  const counted = new WeakMap<Socket, { received: number; sent: number }>();
  return (socket) => {
    const before = counted.get(socket) ?? { received: 0, sent: 0 };
    const now = { received: socket.bytesRead, sent: socket.bytesWritten };
    counted.set(socket, now);
    return { received: now.received - before.received, sent: now.sent - before.sent };
  };
}
