import { GridError } from '@kolejka/protocol';
import test from 'ava';
import Database from 'better-sqlite3';
import { migrateSqlite as migrate } from '../../src/database/migrate.ts';
import { MIGRATIONS } from '../../src/database/migrations/index.ts';
import { openStore } from '../../src/database/open.ts';

const NEWER = (MIGRATIONS.at(-1)?.number ?? 0) + 1;

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

test('a file that is no database is refused with one sentence', async (t) => {
  const error = await t.throwsAsync(() => openStore('/proc/version'), { instanceOf: GridError });
  t.is(error.code, 'bad-config');
});
