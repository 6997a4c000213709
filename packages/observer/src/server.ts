/** HTTP on the observer's socket: who connects, what is asked, how it is answered. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import { createServer as createHttpServer } from '@kolejka/program/http';
import { asGridError, GridError, type SessionCommand } from '@kolejka/protocol';
import { errorBody, rawRefusal, sendAnswer } from './answers.ts';
import { callerOf } from './caller.ts';
import type { QuickMoves } from './cgroup/index.ts';
import { Connections } from './connections.ts';
import type { PeerStream } from './peer-stream.ts';
import { readJson } from './request-body.ts';
import { isCommand, runCommand } from './routes.ts';
import { Seldom } from './seldom.ts';
import type { Sessions, SessionsParts } from './sessions.ts';
import { listenOn } from './socket-file.ts';
import { Turns } from './turns.ts';

const LARGEST_HEADERS = 8 * 1024;

/** After these a process is likely to be moved: into the session, back, or into the next one. */
const BEFORE_MOVES: ReadonlySet<SessionCommand> = new Set(['open', 'attach', 'close']);

/** Listens; answers how to stop. @throws GridError as `listenOn` */
export async function openServer(
  file: string,
  sessions: Sessions,
  { cgroups, log, moves }: Pick<SessionsParts, 'cgroups' | 'log'> & { moves: QuickMoves },
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
    if (stream.writable) stream.end(rawRefusal(refusal), () => stream.destroy());
    else stream.destroy();
  });
  const failures = new Seldom((failed, fields) => log.say('request failed', { ...fields, failed }));
  const turns = new Turns();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      sendAnswer(response, 200, { ...(await handle(request)), status: 'ok' });
    } catch (thrown) {
      const error = asGridError(thrown);
      const fields = { url: request.url, code: error.code, error };
      if (error.status >= 500) failures.say(fields);
      else log.say('request refused', fields);
      // What of the body has not come is not waited for.
      if (!request.complete) response.setHeader('Connection', 'close');
      sendAnswer(response, error.status, errorBody(error));
    }
  }

  async function handle(request: IncomingMessage): Promise<object> {
    if (request.method === 'HEAD') return {};
    const command = (request.url ?? '').replace(/\?.*$/s, '').replace(/^\/+|\/+$/g, '');
    if (command !== '' && !isCommand(command)) throw new GridError('no-route', 'There is no such command.');
    if (request.method !== 'POST') throw new GridError('no-method', 'Commands are asked with POST.');
    const body = await readJson(request);
    if (!isCommand(command)) return { sessions: sessions.size };
    const { peer, scope } = request.socket as unknown as PeerStream;
    await turns.take(scope);
    const answered = await runCommand(command, body, callerOf(peer, cgroups), { sessions, cgroups });
    if (BEFORE_MOVES.has(command)) moves.expect();
    return answered;
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
