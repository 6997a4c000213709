// What only PostgreSQL can do to us: connections that break, and other processes that write.
import { setTimeout as sleep } from 'node:timers/promises';
import { GridError } from '@kolejka/protocol';
import type { ExecutionContext } from 'ava';
import pg from 'pg';
import { openPostgres } from '../../../src/database/engines/postgres.ts';
import { followLog, type News } from '../../../src/database/follow.ts';
import { openStore, storeOn } from '../../../src/database/open.ts';
import type { Connection, Store } from '../../../src/database/store.ts';
import { PATIENT, whenPostgres } from '../../engines.ts';
import { newDatabase } from '../../postgres.ts';
import { until } from '../../until.ts';
import { waitForTurn } from '../../few-at-once.ts';
import { openWire } from '../../wire.ts';
import { openQueue } from '../../queue-scene.ts';

/** The number of the writers' lock, which every server of every version must know it by. */
const WRITERS = 0x6b6f6c65;

async function open(t: ExecutionContext) {
  await waitForTurn(t);
  const address = await newDatabase();
  const admin = new pg.Client(address);
  await admin.connect();
  t.teardown(() => admin.end());
  return {
    address,
    admin,
    openStore: async () => {
      const store = await openStore(address, undefined, PATIENT);
      t.teardown(() => store.close());
      return store;
    },
    /** Breaks every connection but our own; waits until they are gone. */
    breakAll: async () => {
      const { rows } = await admin.query<{ pid: number }>(
        `select pid, pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
      );
      const pids = rows.map(({ pid }) => pid);
      const left = 'select 1 from pg_stat_activity where pid = any($1)';
      await until(async () => (await admin.query(left, [pids])).rows.length === 0);
    },
  };
}

const putUser = (store: Store, name: string) =>
  store.write((db) =>
    db.run(`insert into users (name, email, password, groups, created_ms) values (:name, '', '', '[]', 0)`, { name }),
  );
const namesIn = async (store: Store) =>
  (await store.read((db) => db.all<{ name: string }>('select name from users order by name'))).map(({ name }) => name);

whenPostgres('a write whose connection breaks is refused as busy, and the next one works', async (t) => {
  const { openStore: openOne, breakAll } = await open(t);
  const store = await openOne();
  const broken = store.write(async (db) => {
    await db.run(`insert into users (name, email, password, groups, created_ms) values ('a', '', '', '[]', 0)`);
    await breakAll();
    await db.get('select 1 as one');
  });
  const error = await t.throwsAsync(broken, { instanceOf: GridError });
  t.is(error.code, 'busy');
  await putUser(store, 'b');
  t.deepEqual(await namesIn(store), ['b']);
});

whenPostgres('a store whose connections all broke while nobody asked works on', async (t) => {
  const { openStore: openOne, breakAll } = await open(t);
  const store = await openOne();
  await putUser(store, 'a');
  await Promise.all(Array.from({ length: 8 }, () => namesIn(store)));
  await breakAll();
  // Its ends of the connections have been closed; it hears of that in its next turns.
  await sleep(100);
  t.deepEqual(await namesIn(store), ['a']);
  await putUser(store, 'b');
  t.deepEqual(await namesIn(store), ['a', 'b']);
});

whenPostgres('events of another server are heard of at once, and also after the connection broke', async (t) => {
  const { address, openStore: openOne, breakAll } = await open(t);
  const here = await openOne();
  const heard: News[] = [];
  const follow = await followLog(here, () => undefined);
  const next = Promise.withResolvers<void>();
  follow.hear((news) => {
    heard.push(...news);
    next.resolve();
  });
  const there = await openQueue(address);
  // Nobody looks into the log by itself here.
  await sleep(200);
  await there.put();
  await next.promise;
  t.deepEqual(
    heard.map(({ event }) => event),
    ['created'],
  );

  await there.close();
  await breakAll();
  const again = await openQueue(address);
  await again.put();
  await until(() => heard.length >= 2);
  t.deepEqual(
    heard.map(({ event }) => event),
    ['created', 'created'],
  );
  await again.close();
});

whenPostgres('a writer that others wait for is waited for, whoever it is', async (t) => {
  const { admin, openStore: openOne } = await open(t);
  const store = await openOne();
  await admin.query('begin');
  await admin.query('select pg_advisory_xact_lock($1)', [WRITERS]);
  let isDone = false;
  const write = putUser(store, 'a').finally(() => (isDone = true));
  await sleep(200);
  t.false(isDone);
  t.deepEqual(await namesIn(store), [], 'readers do not wait');
  await admin.query('commit');
  await write;
  t.deepEqual(await namesIn(store), ['a']);
});

whenPostgres('a database that cannot be had is refused with one sentence, without the password', async (t) => {
  const address = new URL(await newDatabase());
  const wrong: Record<string, (url: URL) => void> = {
    'a wrong password': (url) => (url.password = 'sesame-open'),
    'no such database': (url) => (url.pathname = 'nowhere'),
    'nobody listens': (url) => (url.port = '1'),
  };
  for (const [what, change] of Object.entries(wrong)) {
    const url = new URL(address);
    change(url);
    const error = await t.throwsAsync(openStore(url.href), { instanceOf: GridError }, what);
    t.is(error.code, 'bad-config', what);
    t.false(error.message.includes(url.password), what);
    t.notRegex(error.message, /\n/, what);
  }
});

whenPostgres('what is acknowledged is on disk, whatever the database is set to by default', async (t) => {
  const { address, admin, openStore: openOne } = await open(t);
  const name = new URL(address).pathname.slice(1);
  await admin.query(`alter database ${name} set synchronous_commit = off`);
  const store = await openOne();
  t.deepEqual(await store.write((db) => db.get('show synchronous_commit')), { synchronous_commit: 'on' });
});

whenPostgres(
  'regression: a write is refused when nothing comes back, and writing goes on when it does again',
  async (t) => {
    await waitForTurn(t);
    const wire = await openWire(t, await newDatabase());
    const store = storeOn(await openPostgres(wire.address, { ...PATIENT, connect: 2000, write: 2000, read: 2000 }));
    t.teardown(() => store.close());
    // On a slow machine even what goes well may take longer than those waits.
    const putInTime = (name: string) =>
      until(async () => {
        await putUser(store, name).catch(() => undefined);
        return (await namesIn(store).catch((): string[] => [])).includes(name);
      });
    await putInTime('a');
    const moments: Record<string, (db: Connection) => Promise<unknown>> = {
      'before it begins': async () => undefined,
      'in the middle': async (db) => {
        wire.cut();
        await db.get('select 1 as one');
      },
      'before the commit': async () => wire.cut(),
    };
    for (const [moment, change] of Object.entries(moments)) {
      if (moment === 'before it begins') wire.cut();
      const error = await t.throwsAsync(store.write(change), { instanceOf: GridError }, moment);
      t.is(error.code, 'busy', moment);
      const read = await t.throwsAsync(namesIn(store), { instanceOf: GridError }, moment);
      t.is(read.code, 'busy', moment);
      wire.mend();
      await putInTime(moment);
    }
    t.deepEqual(await namesIn(store), ['a', 'before it begins', 'before the commit', 'in the middle']);
  },
);

whenPostgres('regression: a write reads what was committed before it, however the database is set', async (t) => {
  const { address, admin, openStore: openOne } = await open(t);
  const name = new URL(address).pathname.slice(1);
  await admin.query(`alter database ${name} set default_transaction_isolation = 'repeatable read'`);
  const stores = await Promise.all([openOne(), openOne()]);
  await putUser(stores[0], 'counter');
  const increment = (store: Store) =>
    store.write(async (db) => {
      const row = await db.get<{ now: number }>('select created_ms as now from users');
      await db.run('update users set created_ms = :now', { now: (row?.now ?? 0) + 1 });
    });
  for (let round = 0; round < 20; round += 1) await Promise.all(stores.map(increment));
  t.deepEqual(await stores[0].read((db) => db.all('select created_ms as count from users')), [{ count: 40 }]);
});

whenPostgres('a disk of the database that is full is no-space, and the next write works', async (t) => {
  const { admin, openStore: openOne } = await open(t);
  const store = await openOne();
  // The code PostgreSQL gives when it cannot write; the disk itself is not ours to fill.
  await admin.query(
    `create function refuse() returns trigger language plpgsql as $$
     begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$`,
  );
  await admin.query(
    `create trigger refuse before insert on users for each row when (new.name = 'full') execute function refuse()`,
  );
  await t.throwsAsync(putUser(store, 'full'), { instanceOf: GridError, code: 'no-space' });
  await putUser(store, 'kim');
  t.deepEqual(await namesIn(store), ['kim']);
});
