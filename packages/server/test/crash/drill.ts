/**
 * The drill: clients and foremen are at work while the server is killed, again and again, and started again at once.
 *
 * After some of the starts, before anybody is let in, the database and the disk are looked at; at the end everything
 * that was acknowledged is also asked for. One kill in four comes while the server is still starting.
 */
import { rm, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { addUser, createToken } from '../../src/accounts.ts';
import { askForAll } from './ask-for-all.ts';
import { checkDatabase, checkDisk, type OnDisk } from './check-database.ts';
import { checkTold } from './check-told.ts';
import { workAsClient, workAsManager } from './clients.ts';
import { workAsForeman } from './foremen.ts';
import { type Killable, startKillable } from './killable.ts';
import { type Line, openLine } from './line.ts';
import { openRandom, type Random } from './random.ts';
import { readEvents } from './reader.ts';
import { openTold, type Told } from './told.ts';

const USERS = {
  client: ['clients', 'inspectors'],
  foreman: ['processors'],
  manager: ['superuser'],
  inspector: ['inspectors'],
} as const;
type Tokens = Record<keyof typeof USERS, string>;

/** Blobs that nobody refers to are condemned while the load is on. */
const SETTINGS = { KOLEJKA_SERVER_GC_INTERVAL: '1s', KOLEJKA_SERVER_BLOB_GRACE: '1s' };

export interface DrillOptions {
  kills: number;
  seed: string;
  /** Longest time between listening and the kill, in milliseconds; as long as a start where that takes longer. */
  longestMs?: number;
  /** After how many kills everything is looked at. */
  lookEvery?: number;
  /** A slow machine stops after so long, with fewer kills, but not before `least`. */
  wholeMs?: number;
  least?: number;
}

export interface DrillReport {
  figures: ReturnType<typeof figuresOf> & { kills: number; whileStarting: number; orphans: number; leftOver: number };
  /** A sentence for each promise that was broken: what is lost, what was done twice, what is not as it was answered. */
  wrong: string[];
}

export async function runDrill(options: DrillOptions): Promise<DrillReport> {
  const data = await mkdtemp(path.join(tmpdir(), 'kolejka-crash-'));
  const ending = new AbortController();
  const over = new Error('the drill is over');
  const drill = { data, told: openTold(), line: openLine(ending.signal), tokens: await makeUsers(data) };
  const random = openRandom(options.seed);
  const working = Promise.allSettled(startLoad(drill, random));
  try {
    const kills = await killAgainAndAgain(drill, random, options);
    const { orphans, leftOver, wrong } = await lookAtAll(drill);
    ending.abort(over);
    for (const work of await working) {
      if (work.status === 'rejected' && work.reason !== over) wrong.push(`the load ended: ${String(work.reason)}`);
    }
    return {
      figures: { ...kills.figures, ...figuresOf(drill.told), orphans, leftOver },
      wrong: [...kills.wrong, ...wrong],
    };
  } finally {
    ending.abort(over);
    await working;
    await rm(data, { recursive: true, force: true });
  }
}

interface Drill {
  data: string;
  told: Told;
  line: Line;
  tokens: Tokens;
}

async function killAgainAndAgain(
  { data, told, line }: Drill,
  random: Random,
  { kills: most, longestMs = 400, lookEvery = 8, wholeMs = Infinity, least = 0 }: DrillOptions,
) {
  const wrong: string[] = [];
  const end = performance.now() + wholeMs;
  let [kills, whileStarting, startMs] = [0, 0, 500];
  const isOver = () => kills >= most || (kills >= least && performance.now() > end);
  for (; !isOver() && wrong.length + told.wrong.length === 0; kills += 1) {
    const begun = performance.now();
    const server = startKillable(data, SETTINGS);
    try {
      if (random.chance(0.25)) {
        await sleep(random.next() * startMs);
        whileStarting += 1;
      } else {
        const url = await urlOf(server);
        startMs = performance.now() - begun;
        if (kills % lookEvery === 0) wrong.push(...look(data, told).wrong);
        line.open(url);
        await sleep(10 + random.next() * Math.max(longestMs, startMs));
      }
    } finally {
      await server.end('SIGKILL');
      line.close();
    }
    wrong.push(...server.errors.map((error) => `the log has ${error}`));
  }
  return { figures: { kills, whileStarting }, wrong };
}

/** After the last kill: the server is started once more, and everything is read, on disk and over HTTP. */
async function lookAtAll({ data, told, line, tokens }: Drill): Promise<OnDisk> {
  const server = startKillable(data, SETTINGS);
  try {
    const url = await urlOf(server);
    const found = look(data, told, true);
    line.open(url);
    const wrong = [...found.wrong, ...(await askForAll(line, told, tokens.client)), ...told.wrong];
    const exit = await server.end('SIGTERM');
    if (exit !== 0) wrong.push(`the server ended with ${exit}`);
    return { ...found, wrong: [...wrong, ...server.errors.map((error) => `the log has ${error}`)] };
  } finally {
    await server.end('SIGKILL');
  }
}

async function urlOf(server: Killable): Promise<string> {
  const url = await server.url;
  if (url !== undefined) return url;
  throw new Error(`the server did not start again: ${server.errors.join('\n')}`);
}

function startLoad({ line, told, tokens }: Drill, random: Random): Promise<void>[] {
  const worker = (name: string, as: keyof Tokens) => ({ line, told, token: tokens[as], random: random.fork(name) });
  return [
    ...['c1', 'c2', 'c3', 'c4', 'c5', 'c6'].map((name) => workAsClient(worker(name, 'client'))),
    ...['f1', 'f2', 'f3', 'f4'].map((name) => workAsForeman(worker(name, 'foreman'), name)),
    workAsManager(worker('m', 'manager')),
    readEvents(worker('r', 'inspector')),
  ];
}

async function makeUsers(data: string): Promise<Tokens> {
  const tokens: Partial<Tokens> = {};
  for (const [name, groups] of Object.entries(USERS)) {
    await addUser({ data }, { name, password: 'not used', email: '', groups: [...groups] });
    tokens[name as keyof Tokens] = await createToken({ data }, { name });
  }
  return tokens as Tokens;
}

/** Looks at the database and the disk of a server that nobody asks anything. */
function look(data: string, told: Told, reading = false): OnDisk {
  const database = new Database(path.join(data, 'kolejka.sqlite'), { readonly: true, timeout: 5000 });
  try {
    const disk = checkDisk(database, path.join(data, 'blobs'), reading);
    return { ...disk, wrong: [...checkDatabase(database), ...checkTold(database, told), ...disk.wrong] };
  } finally {
    database.close();
  }
}

function figuresOf(told: Told) {
  return {
    references: told.references.size,
    tasks: told.tasks.size,
    keys: told.keys.size,
    leases: told.given.length,
    results: told.results.size,
    events: told.events.size,
    cancelled: told.cancelled.size,
    referencesGone: told.gone.references.size,
    tasksGone: told.gone.tasks.size,
    resultsGone: told.gone.results.size,
    blobsGone: told.gone.blobs.size,
  };
}
