import test from 'ava';
import { openSqlite } from '../../src/database/engines/sqlite.ts';
import { storeOn } from '../../src/database/open.ts';
import type { Store } from '../../src/database/store.ts';

const putUser = (store: Store, name: string) =>
  store.write((db) =>
    db.run(`insert into users (name, email, password, groups, created_ms) values (:name, '', '', '[]', 0)`, { name }),
  );

test('regression: writes are refused when the commit fails and the rollback too, and the next ones work', async (t) => {
  const engine = openSqlite(':memory:');
  let broken = true;
  const store = storeOn({
    ...engine,
    commit: async () => {
      if (broken) throw new Error('no commit');
      return engine.commit();
    },
    rollback: async () => {
      if (broken) throw new Error('no rollback');
      return engine.rollback();
    },
  });
  t.teardown(() => store.close());
  const settled = await Promise.allSettled(['a', 'b'].map((name) => putUser(store, name)));
  for (const write of settled) t.like(write, { status: 'rejected', reason: { message: 'no commit' } });
  broken = false;
  // It stumbles over what was left open.
  await t.throwsAsync(putUser(store, 'c'));
  await putUser(store, 'd');
  t.deepEqual(await store.read((db) => db.all('select name from users')), [{ name: 'd' }]);
});
