import { existsSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import Database from 'better-sqlite3';
import { MIGRATIONS } from '../src/database/migrations/index.ts';
import { makeAgedDatabase } from './crash/aged-database.ts';
import { checkDatabase } from './crash/check-database.ts';
import { startKillable } from './crash/killable.ts';
import { temporary } from './program.ts';

const TASKS = 20_000;
const KILLS = 6;
const NEWEST = MIGRATIONS.at(-1)?.number ?? 0;

const open = (data: string) => new Database(path.join(data, 'kolejka.sqlite'));
const versionOf = (database: Database.Database) =>
  database.prepare<[], number>('select max(number) from migrations').pluck().get();

test('a server that is killed while it migrates goes on where it was, and no task is lost', async (t) => {
  const root = await temporary(t);
  const aged = path.join(root, 'aged');
  await mkdir(aged);
  makeAgedDatabase(path.join(aged, 'kolejka.sqlite'), TASKS);

  const versions: (number | undefined)[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    const data = path.join(root, `killed-${kill}`);
    await cp(aged, data, { recursive: true });
    const server = startKillable(data);
    // The shared memory of the database is made when it is opened; what follows is migrating, some 300 ms.
    await appears(path.join(data, 'kolejka.sqlite-shm'));
    await sleep((kill * 300) / KILLS);
    await server.end('SIGKILL');
    const killed = open(data);
    versions.push(versionOf(killed));
    killed.close();

    const again = startKillable(data);
    t.not(await again.url, undefined, again.errors.join('\n'));
    t.is(await again.end('SIGTERM'), 0);
    const database = open(data);
    t.is(versionOf(database), NEWEST);
    t.deepEqual(checkDatabase(database), []);
    const counts = database.prepare('select count(*) as tasks, sum(attempt) as attempts from tasks').get();
    t.deepEqual(counts, { tasks: TASKS, attempts: Math.ceil((TASKS * 2) / 3) });
    const wrong = database.prepare(
      `select count(*) from tasks join task_bodies on task = number
       where json_extract(body, '$.args[0]') <> number or json_extract(body, '$.id') <> id`,
    );
    t.is(wrong.pluck().get(), 0);
    t.is(database.prepare('select count(*) from task_bodies').pluck().get(), TASKS);
    database.close();
  }
  t.log('killed at version', versions.join(', '));
  t.true(
    versions.some((version) => version !== NEWEST),
    'no kill came while the server was migrating',
  );
});

async function appears(file: string): Promise<void> {
  while (!existsSync(file)) await sleep(2);
}
