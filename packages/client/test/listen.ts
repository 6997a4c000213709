/** A small HTTP server of a test, and a client of it that is closed afterwards. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Client, type ConnectionOptions, openClient } from '../src/index.ts';

/** Who has things closed at its end: a test, or a file of tests. */
export type Scope = Pick<ExecutionContext, 'teardown'>;

export interface Asked {
  method: string;
  path: string;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

export type Answer = (asked: Asked, response: http.ServerResponse) => void;

/** Listens on a free port; answers its address. */
export async function listen(t: Scope, answer: Answer): Promise<string> {
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      answer({ method, path: url, headers, body: Buffer.concat(parts) }, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function json(response: http.ServerResponse, value: object, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** A client that is closed after the test. */
export function clientOf(t: Scope, options: ConnectionOptions): Client {
  const client = openClient(options);
  t.teardown(async () => await client.close());
  return client;
}

/** A directory that is removed after the test. */
export function temporary(t: Scope): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-client-test-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
