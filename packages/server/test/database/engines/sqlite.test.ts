import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { openStore } from '../../../src/database/open.ts';
import type { Connection } from '../../../src/database/store.ts';

const grow = (db: Connection) =>
  db.run('insert into users (name, email, password, groups, created_ms) values (:name, :large, 1, 1, 1)', {
    name: `${Math.random()}`,
    large: 'x'.repeat(100_000),
  });

test('regression: a write for which there is no room is refused with no-space, with all that would share its commit', async (t) => {
  const store = await openStore(':memory:');
  const pages = (most: number) => store.read((db) => db.get(`pragma max_page_count = ${most}`));
  const { page_count: now } = (await store.read((db) => db.get<{ page_count: number }>('pragma page_count'))) ?? {
    page_count: 0,
  };
  await pages(now + 10);
  const small = (db: Connection) => db.run('update users set email = email');
  const group = await Promise.allSettled([store.write(small), store.write(grow), store.write(small)]);
  for (const one of group) {
    t.is(one.status, 'rejected');
    t.true(one.status === 'rejected' && one.reason instanceof GridError && one.reason.code === 'no-space');
  }
  t.is(await store.write(small), 0);

  await pages(now + 1000);
  t.is(await store.write(grow), 1);
  await store.close();
});
