/**
 * Connections to servers, kept from one request to the next, by Node's own HTTP client. See docs/decisions/0019 for why
 * not by a larger one.
 */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { Agent, request as plainRequest } from './http.ts';

/** How long a connection may take to come about, a TLS handshake included. */
const CONNECT_MS = 10_000;
/** An idle connection is kept so long, or shorter when its server says so. */
const IDLE_MS = 30_000;

/** Connections of one program, to as many servers as it calls. Closed by whoever opened them. */
export interface Connections {
  request(address: string, options: RequestOptions): Promise<Response>;
  /** Cuts all of them, those in use too. */
  close(): void;
}

export interface RequestOptions {
  method: string;
  headers: Record<string, string>;
  body: Readable | Buffer | string | null;
  /** Longest silence of the server before the answer and inside it, in milliseconds. */
  patienceMs: number;
  /** Ends the request, and the answer that still comes. */
  signal?: AbortSignal | undefined;
}

export interface Response {
  status: number;
  headers: IncomingHttpHeaders;
  /** Breaks with the error of the connection, or the reason of the signal. */
  body: IncomingMessage;
}

export function openConnections(): Connections {
  const kept = { keepAlive: true, timeout: IDLE_MS };
  const [plain, tls] = [new Agent(kept), new TlsAgent(kept)];

  return {
    async request(address, { method, headers, body, patienceMs, signal }) {
      signal?.throwIfAborted();
      const url = new URL(address);
      const options = { method, headers: withLength(headers, body) };
      const request =
        url.protocol === 'https:'
          ? tlsRequest(url, { ...options, agent: tls })
          : plainRequest(url, { ...options, agent: plain });
      return await answerTo(request, body, patienceMs, signal);
    },
    close() {
      for (const agent of [plain, tls]) agent.destroy();
    },
  };
}

function withLength(headers: Record<string, string>, body: RequestOptions['body']): Record<string, string> {
  const isWhole = typeof body === 'string' || Buffer.isBuffer(body);
  return isWhole ? { ...headers, 'content-length': String(Buffer.byteLength(body)) } : headers;
}

function answerTo(
  request: ClientRequest,
  body: RequestOptions['body'],
  patienceMs: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  let response: IncomingMessage | undefined;
  const end = (reason: Error) => (response ?? request).destroy(reason);
  const abort = () => end(signal?.reason as Error);

  signal?.addEventListener('abort', abort, { once: true });
  request.once('close', () => signal?.removeEventListener('abort', abort));
  request.once('socket', (socket) => {
    if (socket.connecting) connectInTime(request, socket);
    const fallSilent = () => {
      // What has come and nobody has read yet is not a silence of the server.
      if ((response?.readableLength ?? 0) > 0) socket.setTimeout(patienceMs);
      else end(failure('ANSWER_TIMEOUT', `nothing came for ${patienceMs} ms`));
    };
    socket.setTimeout(patienceMs).on('timeout', fallSilent);
    request.once('close', () => socket.off('timeout', fallSilent));
  });
  // Also after the answer: a server need not listen to all of the body before it refuses it.
  request.on('error', reject);
  request.once('response', (message) => {
    response = message;
    message.on('error', () => undefined);
    message.once('end', () => {
      // Whoever has answered does not want the rest.
      if (!request.writableFinished) request.destroy();
    });
    resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message });
  });
  if (body === null || typeof body === 'string' || Buffer.isBuffer(body)) request.end(body ?? undefined);
  else pipeline(body.once('error', end), request, () => undefined);
  return promise;
}

function connectInTime(request: ClientRequest, socket: Socket): void {
  const late = () => request.destroy(failure('CONNECT_TIMEOUT', `no connection within ${CONNECT_MS} ms`));
  const timer = setTimeout(late, CONNECT_MS);
  socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => clearTimeout(timer));
  socket.once('close', () => clearTimeout(timer));
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
