import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import test from 'ava';
import Database from 'better-sqlite3';
import { migrateSqlite as migrate } from '../../src/database/migrate.ts';
import { MIGRATIONS } from '../../src/database/migrations/index.ts';
import { openStore } from '../../src/database/open.ts';

const PUT_TOKEN = `insert into tokens (hash, "user", label, created_ms) values (:hash, :user, '', 0)`;
const PUT_USER = `insert into users (name, email, password, groups, created_ms) values (:name, '', '', '[]', 0)`;
const NEWER = (MIGRATIONS.at(-1)?.number ?? 0) + 1;
const NAMES = 'select name from users order by name';

test('an empty database is brought to the newest version, and a second time nothing is left to do', (t) => {
  const database = new Database(':memory:');
  t.deepEqual(
    migrate(database),
    MIGRATIONS.map(({ number }) => number),
  );
  t.deepEqual(migrate(database), []);
});

for (const [index, { number }] of MIGRATIONS.entries()) {
  test(`a database at version ${number} is brought to the newest`, (t) => {
    const database = new Database(':memory:');
    migrate(database, MIGRATIONS.slice(0, index + 1));
    t.deepEqual(
      migrate(database),
      MIGRATIONS.slice(index + 1).map((migration) => migration.number),
    );
    t.true(number > (MIGRATIONS[index - 1]?.number ?? 0));
  });
}

test('a database of a newer program is refused', (t) => {
  const database = new Database(':memory:');
  const newer = {
    number: NEWER,
    name: 'newer',
    sqlite: 'create table newer (id integer) strict',
    postgres: '',
  };
  migrate(database, [...MIGRATIONS, newer]);
  const error = t.throws(() => migrate(database), { instanceOf: GridError });
  t.is(error.code, 'bad-config');
});

test('a migration that breaks leaves the database as it was', (t) => {
  const database = new Database(':memory:');
  migrate(database);
  const broken = {
    number: NEWER,
    name: 'broken',
    sqlite: 'create table half (id integer); select nothing',
    postgres: '',
  };
  t.throws(() => migrate(database, [...MIGRATIONS, broken]));
  t.is(database.prepare(`select count(*) from sqlite_master where name = 'half'`).pluck().get(), 0);
});

test('of writes that share a commit, one that fails is undone alone', async (t) => {
  const store = await openStore(':memory:');
  let commits = 0;
  store.onCommit(() => (commits += 1));
  const writes = ['a', 'b', 'a', 'c'].map((name) =>
    store.write(async (db) => {
      await db.run(PUT_USER, { name });
      return name;
    }),
  );
  const settled = await Promise.allSettled(writes);
  t.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
  const names = await store.read((db) => db.all<{ name: string }>(NAMES));
  t.deepEqual(
    names.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  t.is(commits, 1);
});

test('a write that breaks a foreign key is refused', async (t) => {
  const store = await openStore(':memory:');
  await t.throwsAsync(
    store.write((db) => db.run(PUT_TOKEN, { hash: 'x', user: 77 })),
    { message: /FOREIGN KEY/ },
  );
});

test('closing waits for writes under way, and they are there afterwards', async (t) => {
  const file = path.join(tmpdir(), `kolejka-test-${randomUUID()}.sqlite`);
  t.teardown(() => Promise.all(['', '-wal', '-shm'].map((end) => rm(file + end, { force: true }))));
  const store = await openStore(file);
  const write = store.write((db) => db.run(PUT_USER, { name: 'late' }));
  await store.close();
  t.is(await write, 1);
  const again = await openStore(file);
  t.deepEqual(await again.read((db) => db.all(NAMES)), [{ name: 'late' }]);
  await again.close();
});

test('a file that is no database is refused with one sentence', async (t) => {
  const error = await t.throwsAsync(() => openStore('/proc/version'), { instanceOf: GridError });
  t.is(error.code, 'bad-config');
});
