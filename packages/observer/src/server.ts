/** HTTP on the observer's socket: who connects, what is asked, how it is answered. */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { asGridError, GridError, OBSERVER_CONTENT_TYPE } from '@kolejka/protocol';
import { callerOf } from './caller.ts';
import { Connections } from './connections.ts';
import type { PeerStream } from './peer-stream.ts';
import { isCommand, runCommand } from './routes.ts';
import type { Sessions, SessionsParts } from './sessions.ts';
import { listenOn } from './socket-file.ts';

/** The largest request is one with all limits. */
const LARGEST_BODY = 16 * 1024;
const LARGEST_HEADERS = 8 * 1024;

/** Listens; answers how to stop. @throws GridError as `listenOn` */
export async function openServer(
  file: string,
  sessions: Sessions,
  { cgroups, log }: SessionsParts,
): Promise<() => Promise<void>> {
  const http = createHttpServer(
    {
      maxHeaderSize: LARGEST_HEADERS,
      requireHostHeader: false,
    },
    (request, response) => void answer(request, response),
  );
  // Who has asked may close its half and read on.
  Object.assign(http, { httpAllowHalfOpen: true, keepAliveTimeout: 0 });
  http.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    const refusal = new GridError('bad-body', `This is not a request that can be understood (${error.code}).`);
    if (stream.writable) stream.end(writeRaw(refusal), () => stream.destroy());
    else stream.destroy();
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      send(response, 200, { ...(await handle(request)), status: 'ok' });
    } catch (thrown) {
      const error = asGridError(thrown);
      log.say(error.status >= 500 ? 'request failed' : 'request refused', {
        url: request.url,
        code: error.code,
        error,
      });
      // What of the body has not come is not waited for.
      if (!request.complete) response.setHeader('Connection', 'close');
      send(response, error.status, errorBody(error));
    }
  }

  async function handle(request: IncomingMessage): Promise<object> {
    if (request.method === 'HEAD') return {};
    const command = (request.url ?? '').replace(/\?.*$/s, '').replace(/^\/+|\/+$/g, '');
    if (command !== '' && !isCommand(command)) throw new GridError('no-route', 'There is no such command.');
    if (request.method !== 'POST') throw new GridError('no-method', 'Commands are asked with POST.');
    if (request.headers['content-type'] !== OBSERVER_CONTENT_TYPE) {
      throw new GridError('bad-body', `The Content-Type must be ${OBSERVER_CONTENT_TYPE}.`);
    }
    const body = await readJson(request);
    if (!isCommand(command)) return { sessions: sessions.size };
    const caller = callerOf((request.socket as unknown as PeerStream).peer, cgroups);
    return runCommand(command, body, caller, { sessions, cgroups });
  }

  const connections = new Connections(cgroups, log);
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const stream = connections.accept(socket);
    if (stream !== undefined) http.emit('connection', stream);
  });
  await listenOn(server, file);

  return async () => {
    // Closing the listening socket removes its file.
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    connections.closeAll();
    http.close();
    await closed;
  };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  const tooLarge = () => new GridError('too-large', `A request has at most ${LARGEST_BODY} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > LARGEST_BODY) throw tooLarge();
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY) throw tooLarge();
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(size === 0 ? '{}' : Buffer.concat(chunks).toString());
  } catch (cause) {
    throw new GridError('bad-json', 'The body is not JSON.', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GridError('bad-json', 'The body must be one JSON object.');
  }
  return value;
}

function errorBody(error: GridError): object {
  const message = error.code === 'internal' ? 'Something broke in the observer; its log says more.' : error.message;
  return { message, code: error.code, status: 'error' };
}

/** Head and body leave in one piece, and small: some programs read once, at most 1024 bytes. */
function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.sendDate = false;
  response.writeHead(status, { 'Content-Type': OBSERVER_CONTENT_TYPE, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

/** The answer to what could not be parsed. */
function writeRaw(error: GridError): string {
  const text = JSON.stringify(errorBody(error));
  const head = [
    `HTTP/1.1 ${error.status} Bad Request`,
    'Connection: close',
    `Content-Type: ${OBSERVER_CONTENT_TYPE}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${text}`;
}
