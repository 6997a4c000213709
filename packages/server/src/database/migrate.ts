/** Brings a database to the newest version: numbered, forward only, each in a transaction of its own. */
import { GridError } from '@kolejka/protocol';
import type Database from 'better-sqlite3';
import type pg from 'pg';
import { MIGRATIONS, type Migration } from './migrations/index.ts';

/**
 * Applies what is missing. Safe to call from two processes at once.
 * @returns the numbers that were applied
 * @throws GridError `bad-config` when a newer program has been at work on the database
 */
export function migrateSqlite(database: Database.Database, migrations: readonly Migration[] = MIGRATIONS): number[] {
  database.exec(
    'create table if not exists migrations (number integer primary key, name text not null, applied_ms integer not null) strict',
  );
  const newest = database.prepare<[], number | null>('select max(number) from migrations').pluck();
  const record = database.prepare('insert into migrations (number, name, applied_ms) values (?, ?, ?)');
  const applied: number[] = [];
  for (const { number, name, sqlite } of migrations) {
    // The version is read again inside: another process may have been quicker.
    database
      .transaction(() => {
        if ((newest.get() ?? 0) >= number) return;
        database.exec(sqlite);
        record.run(number, name, Date.now());
        applied.push(number);
      })
      .immediate();
  }
  refuseNewer(newest.get() ?? 0, database.name, migrations);
  return applied;
}

/**
 * As `migrateSqlite`. All that is missing goes into one transaction, under the writers' lock.
 * @param lock number of the advisory lock
 */
export async function migratePostgres(
  client: pg.Client,
  lock: number,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<number[]> {
  const applied: number[] = [];
  // Whatever the database is set to: what another server has done meanwhile must be seen once the lock is had.
  await client.query('begin isolation level read committed read write');
  try {
    await client.query(`select pg_advisory_xact_lock(${lock})`);
    await client.query(
      'create table if not exists migrations (number bigint primary key, name text not null, applied_ms bigint not null)',
    );
    const { rows } = await client.query<{ newest: number }>(
      'select coalesce(max(number), 0) as newest from migrations',
    );
    const newest = rows[0]?.newest ?? 0;
    for (const { number, name, postgres } of migrations.filter((migration) => migration.number > newest)) {
      await client.query(postgres);
      await client.query('insert into migrations values ($1, $2, $3)', [number, name, Date.now()]);
      applied.push(number);
    }
    refuseNewer(newest, client.database ?? '', migrations);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
  return applied;
}

function refuseNewer(version: number, database: string, migrations: readonly Migration[]): void {
  const known = migrations.at(-1)?.number ?? 0;
  if (version <= known) return;
  throw new GridError(
    'bad-config',
    `The database ${database} was made by a newer kolejka-server (version ${version}, this one knows ${known}): update this program.`,
  );
}
