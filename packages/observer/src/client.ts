/**
 * The observer's socket for other programs.
 *
 * The observer knows a caller by its process: sessions belong to the process that opened them, and what is not told
 * otherwise is done to it. `pid` names another one instead: of the same task and user, and where the caller is in a
 * session, of that session.
 */
import { Agent, request } from '@kolejka/program/http';
import {
  GridError,
  isErrorCode,
  type Limits,
  type Listing,
  OBSERVER_CONTENT_TYPE,
  OBSERVER_SOCKET,
  parseListing,
  parseShape,
  parseStats,
  printLimits,
  Session,
  type SessionCommand,
  type Stats,
} from '@kolejka/protocol';

export type { Session } from '@kolejka/protocol';

/** Longest silence of the observer. */
const PATIENCE_MS = 30_000;

export interface Observer {
  /** How many sessions are open. */
  status(): Promise<number>;
  /** Opens a session; nobody is in it yet. It ends when its opener has ended and nobody is in it any more. */
  open(pid?: number): Promise<Session>;
  /**
   * Moves this process, or the named one, into the session, or into a new one that belongs to it; answers which. With
   * limits these are set before; when one cannot be kept nobody is moved, and no session is opened.
   */
  attach(session?: Session, pid?: number, limits?: Limits): Promise<Session>;
  limits(session: Session, limits: Limits): Promise<void>;
  /** Also after the close, for 300 seconds. */
  stats(session: Pick<Session, 'session_id'>): Promise<Stats>;
  /** Moves this process, or the named one, back where the session was opened. */
  detach(session: Session, pid?: number): Promise<void>;
  freeze(session: Session): Promise<void>;
  thaw(session: Session): Promise<void>;
  /** Kills every process of the session. */
  kill(session: Session): Promise<void>;
  /** Ends the session: this process moves back where it was opened, all else in it is killed. Answers the last statistics. */
  close(session: Session): Promise<Stats>;
  /** All sessions and tasks of the node; for root outside of tasks. */
  list(): Promise<Listing>;
  /** Closes the connections of this client. */
  end(): void;
}

/** A client of the observer at a socket; connects when first asked. All methods throw GridError: the observer's, or `server-unreachable`. */
export function openObserver(socketPath: string = OBSERVER_SOCKET): Observer {
  // One connection, kept: the observer counts those of each task, and answers one command of a task after the other.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (command: SessionCommand | '', body: object = {}) => send({ agent, socketPath, command, body });
  const withSession = (command: SessionCommand) => async (session: Session) => {
    await ask(command, session);
  };
  return {
    status: async () => Number((await ask(''))['sessions']),
    open: async (pid) => parseShape(Session, await ask('open', { pid })),
    async attach(session, pid, limits) {
      const answer = await ask('attach', { ...session, pid, limits: limits && printLimits(limits) });
      return session ?? parseShape(Session, answer);
    },
    async limits(session, limits) {
      await ask('limits', { ...session, limits: printLimits(limits) });
    },
    stats: async (session) => parseStats(await ask('stats', session)),
    async detach(session, pid) {
      await ask('detach', { ...session, pid });
    },
    freeze: withSession('freeze'),
    thaw: withSession('thaw'),
    kill: withSession('kill'),
    close: async (session) => parseStats(await ask('close', { ...session, stats: true })),
    list: async () => parseListing(await ask('list')),
    end: () => agent.destroy(),
  };
}

/** How a kept connection fails whose other end has gone. */
const CUT: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE']);

interface Asked {
  agent: Agent;
  socketPath: string;
  command: string;
  body: object;
}

async function send(asked: Asked, isAgain = false): Promise<Record<string, unknown>> {
  const { agent, socketPath, command, body } = asked;
  const text = JSON.stringify(body);
  const answered = await new Promise<[status: number, text: string] | 'cut'>((resolve, reject) => {
    const asking = request({
      agent,
      socketPath,
      path: `/${command}`,
      method: 'POST',
      timeout: PATIENCE_MS,
      headers: { 'Content-Type': OBSERVER_CONTENT_TYPE, 'Content-Length': Buffer.byteLength(text) },
    });
    const fail = (cause: NodeJS.ErrnoException) => {
      // The observer has been restarted since the last request; a session that it may have opened ends with us.
      if (asking.reusedSocket && CUT.has(cause.code) && !isAgain) return resolve('cut');
      const why = cause.code ?? cause.message;
      reject(new GridError('server-unreachable', `The observer at ${socketPath} does not answer (${why}).`, { cause }));
    };
    asking.on('timeout', () => asking.destroy(new Error('no answer in time')));
    asking.on('error', fail);
    asking.on('response', (response) => {
      let got = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (got += chunk));
      response.on('end', () => resolve([response.statusCode ?? 0, got])).on('error', fail);
    });
    asking.end(text);
  });
  return answered === 'cut' ? send(asked, true) : readAnswer(command, ...answered);
}

function readAnswer(command: string, status: number, text: string): Record<string, unknown> {
  let answer: Record<string, unknown>;
  try {
    answer = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    throw new GridError('bad-answer', `The observer answered ${status} to "${command}".`, { cause });
  }
  if (status === 200 && answer['status'] === 'ok') return answer;
  const { code, message } = answer;
  throw new GridError(
    isErrorCode(code) ? code : 'bad-answer',
    typeof message === 'string' ? message : `The observer answered ${status}.`,
  );
}
