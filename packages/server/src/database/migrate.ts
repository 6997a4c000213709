/** Brings a database to the newest version: numbered, forward only, each in a transaction of its own. */
import { GridError } from '@kolejka/protocol';
import type Database from 'better-sqlite3';
import { MIGRATIONS, type Migration } from './migrations/index.ts';

/**
 * Applies what is missing. Safe to call from two processes at once.
 * @returns the numbers that were applied
 * @throws GridError `bad-config` when a newer program has been at work on the database
 */
export function migrate(database: Database.Database, migrations: readonly Migration[] = MIGRATIONS): number[] {
  database.exec(
    'create table if not exists migrations (number integer primary key, name text not null, applied_ms integer not null) strict',
  );
  const newest = database.prepare<[], number | null>('select max(number) from migrations').pluck();
  const record = database.prepare('insert into migrations (number, name, applied_ms) values (?, ?, ?)');
  const applied: number[] = [];
  for (const migration of migrations) {
    // The version is read again inside: another process may have been quicker.
    database
      .transaction(() => {
        if ((newest.get() ?? 0) >= migration.number) return;
        database.exec(migration.sql);
        record.run(migration.number, migration.name, Date.now());
        applied.push(migration.number);
      })
      .immediate();
  }
  const version = newest.get() ?? 0;
  const known = migrations.at(-1)?.number ?? 0;
  if (version > known) {
    throw new GridError(
      'bad-config',
      `The database ${database.name} was made by a newer kolejka-server (version ${version}, this one knows ${known}): update this program.`,
    );
  }
  return applied;
}
