/** The real server in this process, on a free port, in a temporary directory; users with tokens; requests in short. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Clock } from '@kolejka/program';
import type { ExecutionContext } from 'ava';
import { addUser, createToken } from '../src/accounts.ts';
import { printAddress } from '../src/address.ts';
import { type ServerSettings, SETTINGS } from '../src/config.ts';
import { MESSAGES } from '../src/messages.ts';
import { openServer } from '../src/server.ts';
import { engineOfScenes, PATIENT } from './engines.ts';
import { waitForTurn } from './few-at-once.ts';
import { holdToDocument } from './held-to-document.ts';
import { newDatabase } from './postgres.ts';

export const PASSWORDS = { client: 'clientpass123', foreman: 'foremanpass123' } as const;

const USERS = {
  client: { password: PASSWORDS.client, groups: ['clients'] },
  other: { password: 'other', groups: ['clients'] },
  foreman: { password: PASSWORDS.foreman, groups: ['processors'] },
  second: { password: 'second', groups: ['processors'] },
  inspector: { password: 'inspector', groups: ['inspectors'] },
  manager: { password: 'manager', groups: ['managers'] },
  admin: { password: 'admin', groups: ['superuser'] },
  nobody: { password: 'nobody', groups: [] },
} as const;
export type Name = keyof typeof USERS;

/** What an answer is, for tests. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The answer as JSON, where it is JSON. */
  json: Record<string, unknown>;
}

export interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: RequestInit['body'];
  json?: unknown;
}

/** Sends one request; follows nothing. @throws Error when the answer is not as the document of the API has it */
export async function send(url: string, { json, ...sent }: Sent = {}): Promise<Answer> {
  const body = json === undefined ? sent.body : JSON.stringify(json);
  const method = sent.method ?? (body === undefined ? 'GET' : 'POST');
  const duplex = body instanceof ReadableStream ? { duplex: 'half' } : {};
  const response = await fetch(url, {
    ...duplex,
    method,
    redirect: 'manual',
    headers: sent.headers ?? {},
    ...(body !== undefined && { body }),
  } as RequestInit);
  const text = await response.text();
  const said = typeof body === 'string' || Buffer.isBuffer(body) ? body.toString() : undefined;
  holdToDocument({ method, url, sent: said, status: response.status, headers: response.headers, text });
  const isJson = response.headers.get('content-type') === 'application/json' && text !== '';
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

/** What the settings are when nothing is set. */
export const USUAL_SETTINGS = Object.fromEntries(
  Object.entries(SETTINGS).map(([name, setting]) => [name, setting.default]),
) as unknown as ServerSettings;

export interface SceneOptions {
  clock?: Clock;
  /** Settings other than the usual ones of the scene. */
  settings?: Partial<ServerSettings>;
  uploadSilenceMs?: number;
  /** Hears of every log line that says something of ours broke. */
  heard?: (line: string) => void;
  /** Hears every log line. */
  said?: (line: string, fields: Record<string, unknown> | undefined) => void;
}

let users: ReturnType<typeof makeUsers> | undefined;

/** The users, once for all scenes: to hash their passwords takes half a second. Each scene begins with a copy. */
async function makeUsers() {
  const data = await mkdtemp(path.join(tmpdir(), 'kolejka-users-'));
  const database = engineOfScenes() === 'SQLite' ? undefined : await newDatabase();
  const tokens = {} as Record<Name, string>;
  for (const [name, { password, groups }] of Object.entries(USERS)) {
    await addUser({ data, database }, { name, password, email: `${name}@example.org`, groups });
    tokens[name as Name] = await createToken({ data, database }, { name });
  }
  const file = database === undefined ? await readFile(path.join(data, 'kolejka.sqlite')) : '';
  await rm(data, { recursive: true });
  return {
    tokens,
    /** Answers what `database` is to be set to. */
    copyInto: async (directory: string): Promise<string | undefined> => {
      if (database !== undefined) return newDatabase(database);
      await writeFile(path.join(directory, 'kolejka.sqlite'), file);
      return undefined;
    },
  };
}

export async function openScene(t: ExecutionContext, options: SceneOptions = {}) {
  await waitForTurn(t);
  const data = await mkdtemp(path.join(tmpdir(), 'kolejka-server-'));
  t.teardown(() => rm(data, { recursive: true }));
  const { tokens, copyInto } = await (users ??= makeUsers());
  const place = { data, database: await copyInto(data) };
  const closings: (() => unknown)[] = [];
  const close = async () => {
    for (const one of closings.splice(0).toReversed()) await one();
  };
  t.teardown(close);
  const open = async () => {
    const address = await openServer({
      settings: {
        ...USUAL_SETTINGS,
        ...place,
        listen: { host: '127.0.0.1', port: 0 },
        largest_blob: 1024 ** 3,
        largest_body: 1024 ** 2,
        ...options.settings,
      },
      log: {
        say: (line, fields) => {
          options.said?.(line, fields);
          if (MESSAGES[line].level === 'error') options.heard?.(line);
        },
      },
      closing: (_name, one) => void closings.push(one),
      databaseWaits: PATIENT,
      ...(options.uploadSilenceMs !== undefined && { uploadSilenceMs: options.uploadSilenceMs }),
      ...(options.clock !== undefined && { clock: options.clock }),
    });
    return `http://${printAddress(address)}`;
  };
  let url = await open();
  const authorization = (name: Name) => ({ authorization: `Bearer ${tokens[name]}` });
  const as = (name: Name, at: string, sent: Sent = {}) =>
    send(url + at, { ...sent, headers: { ...authorization(name), ...sent.headers } });

  return {
    data,
    /** Where the server's database is, to look into it beside the server. */
    place,
    url: () => url,
    authorization,
    as,
    close,
    restart: async () => {
      await close();
      url = await open();
    },
    /** Uploads and answers the reference's key. */
    upload: async (name: Name, text: string): Promise<string> => {
      const { json } = await as(name, '/blob/reference/', { body: text });
      return (json['reference'] as { key: string }).key;
    },
    /** Puts a task and answers its identifier. */
    put: async (name: Name, task: Record<string, unknown> = {}): Promise<string> => {
      const { json } = await as(name, '/task/task/', { json: { image: 'busybox', ...task } });
      return (json['task'] as { id: string }).id;
    },
    /** Takes one task for a foreman and answers its attempt. */
    take: async (name: Name, foreman?: string): Promise<{ task: string; attempt: number } | undefined> => {
      const { json } = await as(name, '/queue/dequeue/', { json: foreman === undefined ? {} : { foreman } });
      const [task] = json['tasks'] as { id: string }[];
      const [lease] = (json['leases'] ?? []) as { attempt: number }[];
      return task === undefined ? undefined : { task: task.id, attempt: lease?.attempt ?? 0 };
    },
  };
}
export type Scene = Awaited<ReturnType<typeof openScene>>;
