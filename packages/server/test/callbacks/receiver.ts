/** Receivers of callbacks on loopback: real servers that answer as the test says, and remember what they heard. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';

export interface Heard {
  method: string | undefined;
  path: string | undefined;
  headers: http.IncomingHttpHeaders;
  body: string;
  atMs: number;
}

export interface Receiver {
  /** `http://127.0.0.1:port`, without a path. */
  at: string;
  port: number;
  heard: Heard[];
  /** Connections it has had. */
  connections: () => number;
}

/** @param answer answers the nth call, counted from 1 */
export type Answers = (response: http.ServerResponse, nth: number) => unknown;

export async function receive(
  t: ExecutionContext,
  answer: Answers = (response) => response.end(),
  tls?: https.ServerOptions,
): Promise<Receiver> {
  const heard: Heard[] = [];
  let connections = 0;
  const hear = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    const { method, url: path, headers } = request;
    heard.push({ method, path, headers, body: await text(request), atMs: performance.now() });
    answer(response, heard.length);
  };
  const listener = (request: http.IncomingMessage, response: http.ServerResponse) => {
    // A caller that goes away is what some tests are about.
    hear(request, response).catch(() => undefined);
  };
  const server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  server.on('connection', () => (connections += 1));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { at: `http://127.0.0.1:${port}`, port, heard, connections: () => connections };
}
