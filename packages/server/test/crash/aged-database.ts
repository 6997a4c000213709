/** A database as the first version of the server left it, with tasks in it. */
import Database from 'better-sqlite3';
import { migrateSqlite } from '../../src/database/migrate.ts';
import { MIGRATIONS } from '../../src/database/migrations/index.ts';

/** A file at version 1 with so many tasks: some wait, some are assigned, some have a result; each has one file. */
export function makeAgedDatabase(file: string, tasks: number): void {
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  migrateSqlite(database, MIGRATIONS.slice(0, 1));
  database.exec(`
    insert into users (id, name, email, password, groups, created_ms) values
      (1, 'client', '', '', '["clients"]', 0), (2, 'foreman', '', '', '["processors"]', 0);
    insert into classes (id, key, image, requires, limits, exclusive)
      values (1, 'a', 'busybox', '[]', '{"cpus":2}', 0), (2, 'b', 'gcc', '[]', '{}', 0);
    with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${tasks})
    insert into tasks (number, id, owner, class, state, attempt, holder, foreman, expires_ms, created_ms, changed_ms, body)
    select n, printf('%032x', n), 1, 1 + n % 2, iif(n % 3 = 0, 'pending', iif(n % 3 = 1, 'assigned', 'resolved')),
      n % 3 > 0, iif(n % 3 > 0, 2, null), iif(n % 3 > 0, 'f', null), iif(n % 3 = 1, 1, null), n, n * 1000,
      json_object('id', printf('%032x', n), 'args', json_array(n, printf('%0200d', n)))
    from numbers;
    insert into blobs select printf('%064x', number), number, 0, 0 from tasks where number % 10 = 0;
    insert into blob_references (key, blob, owner, created_ms, accessed_ms)
      select printf('%032x', number), printf('%064x', number), 1, 0, 0 from tasks where number % 10 = 0;
    insert into task_files select number, 'task', 'file', id from tasks where number % 10 = 0;
    insert into results select number, 1, 2, json_object('id', id, 'result', 0), 0 from tasks where state = 'resolved';
    insert into events (task, event, attempt, time_ms) select number, 'created', 0, 0 from tasks;
    insert into events (task, event, attempt, foreman, time_ms)
      select number, 'assigned', 1, 'f', 0 from tasks where attempt = 1;
    insert into events (task, event, attempt, foreman, time_ms)
      select number, 'resolved', 1, 'f', 0 from tasks where state = 'resolved';
  `);
  database.close();
}
