import { type ForemanName, type TaskId } from '@kolejka/protocol';
import test from 'ava';
import Database from 'better-sqlite3';
import pg from 'pg';
import { openClassBook } from '../../src/database/classes.ts';
import { countByState } from '../../src/database/counts.ts';
import { migratePostgres, migrateSqlite } from '../../src/database/migrate.ts';
import { MIGRATIONS } from '../../src/database/migrations/index.ts';
import { openStore } from '../../src/database/open.ts';
import { bodyOfTask, findTask, type TaskRow } from '../../src/database/tasks.ts';
import { findUser } from '../../src/database/users.ts';
import { takeTasks } from '../../src/queue/dequeue.ts';
import { ENGINES, PATIENT, type TestEngine, whenPostgres } from '../engines.ts';
import { newDatabase } from '../postgres.ts';

const LOCK = 1;
const IDS = ['1', '2', '3', '4'].map((digit) => digit.repeat(32)) as [TaskId, TaskId, TaskId, TaskId];
const LIMITS = JSON.stringify({ cpus: 2, memory: 1024 });

/** Something in every table of the first version; a task in each state that a task is in for long. */
const ROWS = `
insert into users (name, email, password, groups, created_ms) values ('kim', 'kim@example.org', 'p', '["clients"]', 1);
insert into sessions (hash, "user", expires_ms) values ('s', 1, 9000000000000);
insert into tokens (hash, "user", label, created_ms, expires_ms) values ('t', 1, 'laptop', 1, null);
insert into blobs (hash, size, created_ms, accessed_ms) values ('${'a'.repeat(64)}', 5, 1, 2);
insert into blob_references (key, blob, owner, created_ms, accessed_ms) values ('k1', '${'a'.repeat(64)}', 1, 1, 2);
insert into blob_references (key, blob, owner, created_ms, accessed_ms, deleted_ms)
  values ('k2', '${'a'.repeat(64)}', 1, 1, 2, 3);
insert into classes (key, image, requires, limits, exclusive) values ('c', 'busybox', '["fast"]', '${LIMITS}', 0);
${['pending', 'pending', 'assigned', 'resolved']
  .map(
    (state, index) => `
insert into tasks (id, owner, class, state, attempt, holder, foreman, expires_ms, created_ms, changed_ms, body)
  values ('${IDS[index]}', 1, 1, 'pending', 0, null, null, null, 1, 2, '{"id":"${IDS[index]}","image":"busybox"}');
insert into events (task, event, attempt, time_ms) values (${index + 1}, 'created', 0, 1);
${
  state === 'pending'
    ? ''
    : `update tasks set state = '${state}', attempt = 1, holder = 1, foreman = 'f', expires_ms = 9000000000000
  where number = ${index + 1};
insert into events (task, event, attempt, foreman, time_ms) values (${index + 1}, 'assigned', 1, 'f', 2);`
}`,
  )
  .join('')}
insert into task_files (task, part, name, reference) values (1, 'task', 'file', 'k1');
insert into task_files (task, part, name, reference) values (4, 'result', 'out', 'k2');
insert into results (task, attempt, holder, body, created_ms) values (4, 1, 1, '{"result":0}', 3);
insert into events (task, event, attempt, foreman, time_ms) values (4, 'resolved', 1, 'f', 3);
insert into idempotency_keys ("user", key, task, request, created_ms) values (1, 'key', 1, 'r', 1);
`;

/** Brings an empty database to the first version, puts the rows in, and goes on to version `index`. */
const FILL: Record<TestEngine['name'], (address: string, index: number) => Promise<void>> = {
  async SQLite(file, index) {
    const database = new Database(file);
    migrateSqlite(database, MIGRATIONS.slice(0, 1));
    database.exec(ROWS);
    migrateSqlite(database, MIGRATIONS.slice(0, index + 1));
    database.close();
  },
  async PostgreSQL(address, index) {
    const client = new pg.Client(address);
    await client.connect();
    await migratePostgres(client, LOCK, MIGRATIONS.slice(0, 1));
    await client.query(ROWS);
    await migratePostgres(client, LOCK, MIGRATIONS.slice(0, index + 1));
    await client.end();
  },
};

for (const engine of ENGINES) {
  for (const [index, { number }] of MIGRATIONS.entries()) {
    engine.test(`${engine.name}: what is in a database at version ${number} is there at the newest`, async (t) => {
      const address = await engine.newDatabase(t);
      await FILL[engine.name](address, index);
      const store = await openStore(address, undefined, PATIENT);
      try {
        t.like(await store.read((db) => findUser(db, 'kim')), { id: 1, email: 'kim@example.org' });
        t.deepEqual(await store.read(countByState), { pending: 2, assigned: 1, resolved: 1 });
        const rows = (await Promise.all(IDS.map((id) => store.read((db) => findTask(db, id))))) as TaskRow[];
        t.deepEqual(
          rows.map(({ state, attempt, foreman }) => `${state} ${attempt} ${foreman}`),
          ['pending 0 null', 'pending 0 null', 'assigned 1 f', 'resolved 1 f'],
        );
        t.like(await store.read((db) => bodyOfTask(db, rows[3] as TaskRow)), { id: IDS[3], image: 'busybox' });
        for (const table of ['sessions', 'tokens', 'blobs', 'results', 'idempotency_keys'])
          t.deepEqual(await store.read((db) => db.get(`select count(*) as count from ${table}`)), { count: 1 }, table);
        for (const table of ['blob_references', 'task_files'])
          t.deepEqual(await store.read((db) => db.get(`select count(*) as count from ${table}`)), { count: 2 }, table);
        t.deepEqual(await store.read((db) => db.get(`select count(*) as count from events`)), { count: 7 });
        const offer = {
          holder: 1,
          foreman: 'g' as ForemanName,
          most: 9,
          limits: { cpus: 9 },
          defaults: {},
          idle: true,
          images: new Set<string>(),
        };
        const taken = await store.write((db) =>
          takeTasks(db, openClassBook().open(), { ...offer, tags: ['fast'] }, 10_000),
        );
        t.deepEqual(
          taken.map(({ id }) => id),
          IDS.slice(0, 2),
        );
      } finally {
        await store.close();
      }
    });
  }
}

/** `table.column type null`, of all tables. */
const COLUMNS: Record<TestEngine['name'], string> = {
  SQLite: `
    select tables.name || '.' || columns.name || ' ' || lower(columns.type)
      || case when columns."notnull" = 1 or columns.pk > 0 then '' else ' null' end as line
    from sqlite_master as tables, pragma_table_info(tables.name) as columns
    where tables.type = 'table' and tables.name not like 'sqlite_%'`,
  PostgreSQL: `
    select table_name || '.' || column_name || ' '
      || case data_type when 'bigint' then 'integer' when 'double precision' then 'real' else data_type end
      || case is_nullable when 'YES' then ' null' else '' end as line
    from information_schema.columns where table_schema = 'public'`,
};

whenPostgres('both databases have the same tables with the same columns', async (t) => {
  const lines = await Promise.all(
    ENGINES.map(async (engine) => {
      const store = await openStore(await engine.newDatabase(t), undefined, PATIENT);
      const rows = await store.read((db) => db.all<{ line: string }>(COLUMNS[engine.name]));
      await store.close();
      return rows.map(({ line }) => line).toSorted();
    }),
  );
  t.true((lines[0] ?? []).length > 50);
  t.deepEqual(lines[0], lines[1]);
});

whenPostgres('servers that start on one empty database at the same moment migrate it once', async (t) => {
  const address = await newDatabase();
  const stores = await Promise.all(Array.from({ length: 5 }, () => openStore(address, undefined, PATIENT)));
  const rows = await stores[0]?.read((db) =>
    db.all<{ number: number }>('select number from migrations order by number'),
  );
  t.deepEqual(
    rows?.map(({ number }) => number),
    MIGRATIONS.map(({ number }) => number),
  );
  await Promise.all(stores.map((store) => store.close()));
});

whenPostgres('a PostgreSQL database of a newer program is refused, and left as it is', async (t) => {
  const address = await newDatabase();
  const client = new pg.Client(address);
  await client.connect();
  const newer = { number: 1000, name: 'newer', sqlite: '', postgres: 'create table newer (id bigint)' };
  await migratePostgres(client, LOCK, [...MIGRATIONS, newer]);
  await t.throwsAsync(openStore(address), { message: /made by a newer kolejka-server \(version 1000/ });
  const broken = { ...newer, number: 1001, postgres: 'create table half (id bigint); select nothing' };
  await t.throwsAsync(migratePostgres(client, LOCK, [...MIGRATIONS, newer, broken]));
  t.deepEqual((await client.query(`select to_regclass('half') as half, to_regclass('newer')::text as newer`)).rows, [
    { half: null, newer: 'newer' },
  ]);
  await client.end();
});

test('migrations are numbered upwards, and each says what it does on both databases', (t) => {
  for (const [index, { number, sqlite, postgres }] of MIGRATIONS.entries()) {
    t.true(number > (MIGRATIONS[index - 1]?.number ?? 0));
    t.true(sqlite.trim() !== '' && postgres.trim() !== '');
  }
});
