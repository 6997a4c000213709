/**
 * The socket of the server: plain or TLS, and what is done about callers that are slow on purpose.
 *
 * Headers have 20 s to come, other bodies than uploads 30 s (`serve.ts`), uploads may be as long as they are not
 * silent (`routes/blob.ts`), and an answer that nobody reads for two minutes is cut off.
 */
import { once } from 'node:events';
import type http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer } from '@kolejka/program/http';
import { heedExpectations } from '@kolejka/program/serve';
import { GridError } from '@kolejka/protocol';
import { type Address, printAddress } from '../address.ts';
import type { Certificate } from './certificate.ts';

export interface DoorOptions {
  certificate?: Certificate | undefined;
  mostConnections: number;
  /** Hears, now and then, how many connections were closed because there were too many. */
  dropped: (count: number) => void;
  /** How long headers may take to come, a TLS handshake included; 20 s. */
  headersWithinMs?: number;
  /** An answer of which nothing is read for so long is cut off; 2 min. */
  unreadMs?: number;
}

/** How often it is said that connections are closed. */
const DROPS_EVERY_MS = 60_000;

/** A server that does not listen yet. */
export function openDoor(application: http.RequestListener, options: DoorOptions): http.Server | https.Server {
  const { certificate, headersWithinMs = 20_000, unreadMs = 120_000 } = options;
  const common = {
    headersTimeout: headersWithinMs,
    connectionsCheckingInterval: Math.min(5000, headersWithinMs),
    // Uploads may take as long as they take, as long as something comes.
    requestTimeout: 0,
    // Longer than the minute that proxies in front keep their idle connections.
    keepAliveTimeout: 65_000,
  };
  const server =
    certificate === undefined
      ? createServer(common)
      : https.createServer({ ...common, ...certificate, handshakeTimeout: headersWithinMs });
  server.maxConnections = options.mostConnections;
  server.timeout = unreadMs;
  server.on('request', (request, response) => {
    // Without a listener here, node would also cut off those who only wait for an answer.
    response.on('timeout', () => {
      if (request.socket.writableLength > 0) request.socket.destroy();
    });
  });
  server.on('request', application);
  heedExpectations(server);
  countDrops(server, options.dropped);
  return server;
}

function countDrops(server: http.Server | https.Server, dropped: (count: number) => void): void {
  let count = 0;
  let saidMs = -Infinity;
  server.on('drop', () => {
    count += 1;
    const now = performance.now();
    if (now - saidMs < DROPS_EVERY_MS) return;
    dropped(count);
    [count, saidMs] = [0, now];
  });
}

/**
 * Begins to listen.
 * @returns where it listens
 * @throws GridError `bad-config`: the address cannot be had
 */
export async function listen(server: http.Server | https.Server, wanted: Address): Promise<Address> {
  server.listen(wanted.port, wanted.host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'another program listens there; choose another port' : code;
    throw new GridError('bad-config', `Cannot listen on ${printAddress(wanted)}: ${why}.`, { cause });
  }
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}
