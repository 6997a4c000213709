// What other processes can do to us on SQLite.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GridError } from '@kolejka/protocol';
import test from 'ava';
import Database from 'better-sqlite3';
import { openSqlite } from '../../../src/database/engines/sqlite.ts';
import { storeOn } from '../../../src/database/open.ts';
import type { Store } from '../../../src/database/store.ts';

/** What would stand still, would so long. */
const PATIENCE_MS = 20_000;

const putUser = (store: Store, name: string) =>
  store.write((db) =>
    db.run(`insert into users (name, email, password, groups, created_ms) values (:name, '', '', '[]', 0)`, { name }),
  );
const namesIn = (store: Store) => store.read((db) => db.all('select name from users order by name'));

test('regression: while another process writes, writes wait, and reads and everything else go on', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-sqlite-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const file = path.join(directory, 'database.sqlite');
  const store = storeOn(openSqlite(file, PATIENCE_MS));
  const other = new Database(file);
  await putUser(store, 'a');

  other.exec('begin immediate');
  let isDone = false;
  const writing = putUser(store, 'b').finally(() => (isDone = true));
  const begun = performance.now();
  for (let turns = 0; turns < 10; turns += 1) await sleep(1);
  t.deepEqual(await namesIn(store), [{ name: 'a' }]);
  t.true(performance.now() - begun < PATIENCE_MS / 2, 'nothing stood still');
  t.false(isDone);
  other.exec('rollback');
  await writing;

  const impatient = storeOn(openSqlite(file, 300));
  other.exec('begin immediate');
  const error = await t.throwsAsync(putUser(impatient, 'c'), { instanceOf: GridError });
  t.is(error.code, 'busy');
  other.exec('rollback');
  await putUser(store, 'd');
  t.deepEqual(await namesIn(store), [{ name: 'a' }, { name: 'b' }, { name: 'd' }]);
  other.close();
  await impatient.close();
  await store.close();
});
