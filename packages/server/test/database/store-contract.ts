/** What every store must do, whatever engine is below it. Each test has an empty database of its own. */
import { setImmediate } from 'node:timers/promises';
import { GridError } from '@kolejka/protocol';
import type { ExecutionContext } from 'ava';
import { openStore } from '../../src/database/open.ts';
import type { Connection, Store } from '../../src/database/store.ts';
import { PATIENT, type TestEngine } from '../engines.ts';

const PUT_USER = `insert into users (name, email, password, groups, created_ms) values (:name, :email, '', '[]', :now)`;
const PUT_TOKEN = `insert into tokens (hash, "user", label, created_ms) values (:hash, :user, '', 0)`;

const putUser = (db: Connection, name: string, { email = '', now = 0 } = {}) => db.run(PUT_USER, { name, email, now });
const namesIn = async (store: Store) =>
  (await store.read((db) => db.all<{ name: string }>('select name from users order by name'))).map(({ name }) => name);

export function testStore({ name: engine, test, newDatabase }: TestEngine): void {
  type Open = (noted?: (writes: number) => void) => Promise<Store>;
  type Run = (t: ExecutionContext, store: Store, openAnother: Open) => Promise<void>;
  const testThat = (title: string, run: Run) =>
    test(`${engine}: ${title}`, async (t) => {
      const database = await newDatabase(t);
      const stores: Store[] = [];
      const open: Open = async (noted) => {
        const store = await openStore(database, noted, PATIENT);
        stores.push(store);
        return store;
      };
      try {
        await run(t, await open(), open);
      } finally {
        for (const store of stores) await store.close();
      }
    });

  testThat('what a write throws is thrown, and all it did is undone', async (t, store) => {
    const reason = new Error('not now');
    const error = await t.throwsAsync(
      store.write(async (db) => {
        await putUser(db, 'a');
        await putUser(db, 'b');
        throw reason;
      }),
    );
    t.is(error, reason);
    t.deepEqual(await namesIn(store), []);
  });

  testThat(
    'writes that come together share a commit, and one that fails takes nobody with it',
    async (t, _, another) => {
      const commits: number[] = [];
      const store = await another((writes) => commits.push(writes));
      const settled = await Promise.allSettled(
        ['a', 'b', 'a', 'c'].map((name) => store.write((db) => putUser(db, name))),
      );
      t.deepEqual(
        settled.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
      );
      t.deepEqual(await namesIn(store), ['a', 'b', 'c']);
      t.deepEqual(commits, [4]);
    },
  );

  testThat(
    'more writes than fit into one commit are all there, made in the order they were asked',
    async (t, store) => {
      const order: number[] = [];
      const numbers = Array.from({ length: 450 }, (_, index) => index);
      await Promise.all(
        numbers.map((number) =>
          store.write(async (db) => {
            await putUser(db, `user ${number}`);
            order.push(number);
          }),
        ),
      );
      t.deepEqual(order, numbers);
      t.is((await namesIn(store)).length, 450);
    },
  );

  testThat('a read does not see what is not committed', async (t, store) => {
    let seen: Promise<string[]> | undefined;
    const undone = store.write(async (db) => {
      await putUser(db, 'a');
      seen = namesIn(store);
      await putUser(db, 'b');
      throw new Error('undone');
    });
    await t.throwsAsync(undone, { message: 'undone' });
    t.deepEqual(await seen, []);
  });

  testThat('a write sees what it wrote, and a read what was acknowledged', async (t, store) => {
    const inside = await store.write(async (db) => {
      await putUser(db, 'a');
      return await db.get<{ name: string }>('select name from users where name = :name', { name: 'a' });
    });
    t.deepEqual(inside, { name: 'a' });
    t.deepEqual(await namesIn(store), ['a']);
  });

  testThat('a commit is told after it was made, to whoever still listens', async (t, store) => {
    const seen: Promise<string[]>[] = [];
    const end = store.onCommit(() => seen.push(namesIn(store)));
    await store.write((db) => putUser(db, 'a'));
    // It may be told more often than there is news.
    t.deepEqual(await seen.at(-1), ['a']);
    end();
    const told = seen.length;
    await store.write((db) => putUser(db, 'b'));
    t.is(seen.length, told);
  });

  testThat('what a write has read stays true until it is committed, also with two stores', async (t, one, another) => {
    const other = await another();
    await one.write((db) => putUser(db, 'counter'));
    const increment = (store: Store) =>
      store.write(async (db) => {
        const row = await db.get<{ now: number }>(`select created_ms as now from users where name = 'counter'`);
        await db.run(`update users set created_ms = :now where name = 'counter'`, { now: (row?.now ?? 0) + 1 });
      });
    for (let round = 0; round < 20; round += 1) {
      await Promise.all([one, other, one, other, other].map(increment));
    }
    t.deepEqual(await one.read((db) => db.all('select created_ms as count from users')), [{ count: 100 }]);
  });

  testThat(
    'numbers of rows are in the order of the commits, so whoever reads on misses none',
    async (t, one, another) => {
      const other = await another();
      const ids: number[] = [];
      const writing = { on: true };
      const readOn = async () => {
        for (let isLast = false; !isLast; ) {
          isLast = !writing.on;
          const rows = await one.read((db) =>
            db.all<{ id: number }>('select id from users where id > :last order by id', { last: ids.at(-1) ?? 0 }),
          );
          ids.push(...rows.map(({ id }) => id));
          await setImmediate();
        }
      };
      const reading = readOn();
      const putMany = async (store: Store, whose: string) => {
        for (let count = 0; count < 100; count += 1) await store.write((db) => putUser(db, `${whose} ${count}`));
      };
      await Promise.all([putMany(one, 'one'), putMany(other, 'other'), putMany(other, 'another')]);
      writing.on = false;
      await reading;
      t.is(ids.length, 300);
    },
  );

  testThat('texts come back as they were', async (t, store) => {
    const texts = [
      '',
      ' ',
      `it's "quoted" \\ :name $1 %`,
      'zażółć gęślą jaźń',
      '𝄞 👩‍🚀',
      'e\u0301',
      '\u{10ffff}',
      '\r\n\t\u001f',
    ];
    const large = 'żółw '.repeat(1_000_000);
    for (const [number, email] of [...texts, large].entries()) {
      await store.write((db) => putUser(db, `user ${number}`, { email }));
    }
    const rows = await store.read((db) => db.all<{ email: string }>('select email from users order by id'));
    t.deepEqual(
      rows.slice(0, -1).map(({ email }) => email),
      texts,
    );
    t.true(rows.at(-1)?.email === large);
  });

  testThat('whole numbers come back as numbers, up to the largest that JavaScript counts with', async (t, store) => {
    const numbers = [0, -1, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1)];
    for (const now of numbers) await store.write((db) => putUser(db, `user ${now}`, { now }));
    const rows = await store.read((db) => db.all<{ now: number }>('select created_ms as now from users order by id'));
    t.deepEqual(
      rows.map(({ now }) => now),
      numbers,
    );
    t.deepEqual(await store.read((db) => db.get('select count(*) as count from users')), { count: 5 });
  });

  testThat('a text with a NUL is refused, and nothing of its write is stored', async (t, store) => {
    const writing = store.write(async (db) => {
      await putUser(db, 'a');
      await putUser(db, 'b', { email: 'nul \0 inside' });
    });
    const error = await t.throwsAsync(writing, { instanceOf: GridError });
    t.is(error.code, 'bad-value');
    t.deepEqual(await namesIn(store), []);
  });

  testThat('what breaks a rule of the tables is refused', async (t, store) => {
    await store.write((db) => putUser(db, 'a'));
    const broken: Record<string, (db: Connection) => Promise<unknown>> = {
      'a name that is taken': (db) => putUser(db, 'a'),
      'a user that is not there': (db) => db.run(PUT_TOKEN, { hash: 'x', user: 77 }),
      'nothing where something must be': (db) => db.run(PUT_USER, { name: null, email: '', now: 0 }),
      'a table that is not there': (db) => db.run('insert into nowhere (a) values (1)'),
    };
    for (const [what, change] of Object.entries(broken)) {
      await t.throwsAsync(store.write(change), undefined, what);
    }
    t.deepEqual(await namesIn(store), ['a']);
  });

  testThat('a statement says how many rows it changed, and one that finds nothing gives nothing', async (t, store) => {
    const run = (sql: string) => store.write((db) => db.run(sql));
    for (const name of ['a', 'b']) t.is(await store.write((db) => putUser(db, name)), 1);
    t.is(await run(`update users set email = 'x'`), 2);
    t.is(await run(`update users set email = 'x' where name = 'c'`), 0);
    t.is(await store.read((db) => db.get(`select * from users where name = 'c'`)), undefined);
    t.deepEqual(await store.read((db) => db.all(`select * from users where name = 'c'`)), []);
    t.is(await run('delete from users'), 2);
  });

  testThat('a value may be used twice or not at all', async (t, store) => {
    const row = await store.read((db) =>
      db.get('select :one || :one as twice, :other as once', { one: 'a', other: 'b', third: 'c' }),
    );
    t.deepEqual(row, { twice: 'aa', once: 'b' });
  });

  testThat('a second store on the database sees what the first was told is stored', async (t, store, another) => {
    const other = await another();
    await store.write((db) => putUser(db, 'a'));
    t.deepEqual(await namesIn(other), ['a']);
  });

  testThat('closing waits for writes under way, and they are there afterwards', async (t, store) => {
    const database = await newDatabase(t);
    const closing = await openStore(database, undefined, PATIENT);
    const writes = ['a', 'b', 'c'].map((name) => closing.write((db) => putUser(db, name)));
    await closing.close();
    t.deepEqual(await Promise.all(writes), [1, 1, 1]);
    const again = await openStore(database, undefined, PATIENT);
    t.deepEqual(await namesIn(again), ['a', 'b', 'c']);
    await again.close();
    await t.throwsAsync(closing.write((db) => putUser(db, 'd')));
    t.deepEqual(await namesIn(store), [], 'another database is another');
  });
}
