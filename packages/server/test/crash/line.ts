/** The line of the load to the server: there is one as long as a server runs, and it breaks whenever that is killed. */
import { setTimeout as sleep } from 'node:timers/promises';

/** An answer that came whole. */
export interface Reply {
  status: number;
  headers: Headers;
  bytes: Buffer;
  /** Status and text, for people. */
  said: string;
  json: Record<string, unknown>;
}

export interface Asked {
  method?: string;
  token: string;
  json?: unknown;
  body?: Uint8Array | ReadableStream<Uint8Array>;
  headers?: Record<string, string>;
}

export interface Line {
  /** Where the server is; waits until there is one. @throws when the load is over */
  url(): Promise<string>;
  open(url: string): void;
  close(): void;
  /** Asks once; undefined when no answer came whole, and nobody knows whether it was done. */
  ask(path: string, asked: Asked): Promise<Reply | undefined>;
  /** Asks until an answer comes. */
  insist(path: string, asked: Asked): Promise<Reply>;
  /** Aborted when the load is over. */
  over: AbortSignal;
}

/** What no answer has after so long, it has not. A long poll of the load lasts less than a second. */
const PATIENCE_MS = 30_000;

export function openLine(over: AbortSignal): Line {
  let up = Promise.withResolvers<string>();
  let isUp = false;
  over.addEventListener('abort', () => up.reject(over.reason));
  up.promise.catch(() => undefined);

  const line: Line = {
    over,
    async url() {
      over.throwIfAborted();
      return await up.promise;
    },
    open(url) {
      isUp = true;
      up.resolve(url);
    },
    close() {
      if (!isUp) return;
      isUp = false;
      up = Promise.withResolvers();
      up.promise.catch(() => undefined);
    },
    async ask(path, { token, method, json: asked, body, headers }) {
      const url = await line.url();
      const sent = asked === undefined ? body : JSON.stringify(asked);
      const whole = await answerOf(url + path, {
        method: method ?? (sent === undefined ? 'GET' : 'POST'),
        headers: { authorization: `Bearer ${token}`, ...headers },
        signal: AbortSignal.any([over, AbortSignal.timeout(PATIENCE_MS)]),
        ...(sent !== undefined && { body: sent }),
        ...(sent instanceof ReadableStream && { duplex: 'half' }),
      });
      over.throwIfAborted();
      if (whole === undefined) return undefined;
      const { status, headers: got, bytes } = whole;
      const isJson = got.get('content-type') === 'application/json' && bytes.length > 0;
      const json = isJson ? (JSON.parse(bytes.toString()) as Reply['json']) : {};
      return { status, headers: got, bytes, json, said: `${status} ${bytes.subarray(0, 500).toString()}` };
    },
    async insist(path, asked) {
      for (;;) {
        const reply = await line.ask(path, asked);
        if (reply !== undefined) return reply;
        await sleep(5);
      }
    },
  };
  return line;
}

async function answerOf(url: string, sent: RequestInit) {
  try {
    const response = await fetch(url, sent);
    return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
  } catch {
    // The server was killed, or is not there yet.
    return undefined;
  }
}
