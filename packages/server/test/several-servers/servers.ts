/** Several real servers on one PostgreSQL database and one directory of blobs, any of which may be killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { addUser, createToken } from '../../src/accounts.ts';
import { newDatabase } from '../postgres.ts';
import { type RunningServer, runServer, temporary } from '../program.ts';

export interface Reply {
  status: number;
  text: string;
  json: Record<string, unknown>;
}

export interface Asked {
  method?: string;
  json?: unknown;
  body?: string;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

export interface Servers {
  /** Address of the database. */
  database: string;
  authorization: { authorization: string };
  /** Those that run, in the order they were started. */
  running: RunningServer[];
  any(): RunningServer;
  start(): Promise<RunningServer>;
  /** Kills one that runs. */
  kill(server: RunningServer): Promise<void>;
  /** Asks one server once. @throws Error when no answer comes */
  ask(url: string, path: string, asked?: Asked): Promise<Reply>;
  /** Asks one server after the other until one answers with something that is not a failure of ours. */
  askUntilAnswered(path: string, asked?: Asked): Promise<Reply>;
}

export async function openServers(t: ExecutionContext, count: number): Promise<Servers> {
  const [data, database] = await Promise.all([temporary(t), newDatabase()]);
  const place = { data, database };
  await addUser(place, { name: 'kim', password: 'x', email: '', groups: ['clients', 'processors', 'inspectors'] });
  const authorization = { authorization: `Bearer ${await createToken(place, { name: 'kim' })}` };
  const running: RunningServer[] = [];

  const servers: Servers = {
    database,
    authorization,
    running,
    any: () => running[Math.floor(Math.random() * running.length)] as RunningServer,
    async start() {
      const server = await runServer(t, data, '127.0.0.1:0', { KOLEJKA_SERVER_DATABASE: database });
      running.push(server);
      return server;
    },
    async kill(server) {
      running.splice(running.indexOf(server), 1);
      await server.end('SIGKILL');
    },
    async ask(url, path, { method, json, body, headers, timeoutMs = 60_000 } = {}) {
      const sent = json === undefined ? body : JSON.stringify(json);
      const response = await fetch(url + path, {
        method: method ?? (sent === undefined ? 'GET' : 'POST'),
        headers: { ...authorization, ...headers },
        signal: AbortSignal.timeout(timeoutMs),
        ...(sent !== undefined && { body: sent }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type') === 'application/json';
      return { status: response.status, text, json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
    },
    async askUntilAnswered(path, asked) {
      let last: unknown;
      for (const end = Date.now() + 60_000; Date.now() < end; await sleep(20)) {
        const answer = await servers.ask(servers.any().url, path, asked).catch((error: unknown) => {
          last = error;
        });
        if (answer !== undefined && answer.status < 500) return answer;
        last = answer ?? last;
      }
      throw new Error(`no server answered ${path}`, { cause: last });
    },
  };
  await Promise.all(Array.from({ length: count }, () => servers.start()));
  return servers;
}
