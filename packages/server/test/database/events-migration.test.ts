import test from 'ava';
import Database from 'better-sqlite3';
import { migrateSqlite } from '../../src/database/migrate.ts';
import { MIGRATIONS } from '../../src/database/migrations/index.ts';

test('events of before keep their numbers and get the owner of their task; new ones go on counting', (t) => {
  const database = new Database(':memory:');
  database.pragma('foreign_keys = ON');
  migrateSqlite(
    database,
    MIGRATIONS.filter(({ number }) => number < 4),
  );
  database.exec(`
    insert into users (id, name, email, password, groups, created_ms) values (5, 'kim', '', '', '[]', 0);
    insert into classes (id, key, image, requires, limits, exclusive) values (1, 'k', 'i', '[]', '{}', 0);
    insert into queues (id, class, owner, priority) values (1, 1, 5, 0);
    insert into tasks (number, id, owner, class, queue, state, created_ms, changed_ms) values (9, 'x', 5, 1, 1, 'pending', 0, 0);
    insert into events (number, task, event, attempt, time_ms, message) values (3, 9, 'created', 0, 7, null), (8, 9, 'cancelled', 0, 8, 'why');
  `);
  migrateSqlite(database);
  const events = database.prepare(
    'select number, task, owner, event, time_ms, task_id, message from events order by number',
  );
  t.deepEqual(events.all(), [
    { number: 3, task: 9, owner: 5, event: 'created', time_ms: 7, task_id: null, message: null },
    { number: 8, task: 9, owner: 5, event: 'cancelled', time_ms: 8, task_id: null, message: 'why' },
  ]);
  database.exec('delete from events where number = 8');
  const { lastInsertRowid } = database
    .prepare(`insert into events (task, owner, event, attempt, time_ms) values (9, 5, 'deleted', 0, 9)`)
    .run();
  t.is(lastInsertRowid, 9);
  t.deepEqual(database.pragma('foreign_key_check'), []);
});
