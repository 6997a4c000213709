/** Both databases, for tests of what must be the same on either. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Waits } from '../src/database/engines/postgres.ts';
import { waitForTurn } from './few-at-once.ts';
import { missing, newDatabase } from './postgres.ts';

/**
 * How long tests wait for their database, unless that is what they are about: the machine they run on may do much else,
 * and all servers of a file are in one process.
 */
export const PATIENT: Waits = { connect: 150_000, write: 150_000, read: 150_000, idle: 150_000 };

/** For tests that need PostgreSQL: skipped where there is none. */
export const whenPostgres = missing === undefined ? test : test.skip;

export interface TestEngine {
  name: 'SQLite' | 'PostgreSQL';
  /** `test`, or skipped. */
  test: typeof whenPostgres;
  /** Makes an empty database that more than one store can be opened on; answers its address. */
  newDatabase: (t: ExecutionContext) => Promise<string>;
}

export const ENGINES: readonly TestEngine[] = [
  { name: 'SQLite', test, newDatabase: newFile },
  { name: 'PostgreSQL', test: whenPostgres, newDatabase: newOnPostgres },
];

let scenes: TestEngine['name'] = 'SQLite';

/** From now on the servers of scenes (`server-scene.ts`) keep their things in this engine. */
export function openScenesOn(name: TestEngine['name']): void {
  scenes = name;
}

/** The engine of scenes. */
export const engineOfScenes = () => scenes;

async function newOnPostgres(t: ExecutionContext): Promise<string> {
  await waitForTurn(t);
  return newDatabase();
}

async function newFile(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-store-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return path.join(directory, 'database.sqlite');
}
