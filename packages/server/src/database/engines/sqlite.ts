/**
 * SQLite: one file, one connection, one writer.
 *
 * Every acknowledged write is on disk: WAL with synchronous=FULL. Statements run at once, on this thread; promises are
 * there because another engine needs them. A transaction that waits for nothing else therefore begins and ends within
 * one turn of the event loop, and nobody reads in between (`readsUncommitted`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { GridError } from '@kolejka/protocol';
import Database from 'better-sqlite3';
import { migrateSqlite } from '../migrate.ts';
import type { Connection, Engine, Values } from '../store.ts';

/** Longest wait for another process that writes: a command line does not take that long, or it was stopped. */
const PATIENCE_MS = 5000;
/** Until it is tried again. Meanwhile this process does other things, which it could not while SQLite itself waits. */
const AGAIN_MS = 5;

/**
 * Opens or makes the database and brings it to the newest version.
 * @param file path, or `:memory:`
 * @param patienceMs how long a write waits for a writer of another process
 * @throws GridError `bad-config` when the file cannot be used
 */
export function openSqlite(file: string, patienceMs = PATIENCE_MS): Engine {
  const database = openFile(file);
  const statements = new Map<string, Database.Statement>();

  const prepare = (sql: string) => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(planOnce(sql));
    statements.set(sql, statement);
    return statement;
  };
  let whyEnded: unknown;
  /** Runs a statement; remembers what made the database end the transaction by itself, as a full disk does. */
  const attempt = <Answer>(statement: () => Answer): Answer => {
    try {
      return statement();
    } catch (error) {
      whyEnded = explainFull(error);
      throw whyEnded;
    }
  };
  const connection: Connection = {
    all: async <Row>(sql: string, values: Values = {}) => attempt(() => prepare(sql).all(storable(values)) as Row[]),
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as in the interface
    get: async <Row>(sql: string, values: Values = {}) =>
      attempt(() => prepare(sql).get(storable(values)) as Row | undefined),
    run: async (sql, values = {}) => attempt(() => prepare(sql).run(storable(values)).changes),
  };
  const run = async (sql: string) => void attempt(() => prepare(sql).run());

  return {
    reading: connection,
    async begin() {
      const until = performance.now() + patienceMs;
      for (;;) {
        try {
          await run('begin immediate');
          return connection;
        } catch (error) {
          if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY') !== true) throw error;
          if (performance.now() >= until) throw busy(error);
        }
        await sleep(AGAIN_MS);
      }
    },
    savepoint: () => run('savepoint one'),
    release: () => run('release one'),
    async undo() {
      if (!database.inTransaction) throw whyEnded;
      await run('rollback to one');
      await run('release one');
    },
    commit: () => run('commit'),
    async rollback() {
      if (database.inTransaction) await run('rollback');
    },
    readsUncommitted: true,
    // A command line may write to the file of a running server; nobody tells. `follow.ts` looks every second.
    onForeignCommit: () => undefined,
    close: async () => void database.close(),
  };
}

/** The error as ours, where it says that there is no room. */
function explainFull(error: unknown): unknown {
  if ((error as { code?: string }).code !== 'SQLITE_FULL') return error;
  return new GridError('no-space', 'The disk of the server is full; nothing of this was kept.', { cause: error });
}

function busy(cause: unknown): GridError {
  return new GridError('busy', 'Another program is writing to the database and does not end; nothing was changed.', {
    cause,
  });
}

/** A NUL is refused as PostgreSQL refuses it: functions of SQL end a text there. */
function storable(values: Values): Values {
  for (const value of Object.values(values)) {
    if (typeof value === 'string' && value.includes('\0'))
      throw new GridError('bad-value', 'A text with a NUL cannot be stored.');
  }
  return values;
}

/**
 * The statement with a `+` before each parameter, which changes nothing but the planning: of a bare parameter SQLite
 * may look at the value, and then plans the statement anew for each other one. Measured 2026-11 on a join and beside a
 * partial index: 8 µs with a bare parameter, 1 µs so, where a statement runs with another value each time.
 */
function planOnce(sql: string): string {
  return sql.replaceAll(/(?<!:):(?=[a-z])/gi, '+:');
}

function openFile(file: string): Database.Database {
  try {
    const database = new Database(file, { timeout: 5000 });
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    migrateSqlite(database);
    database.pragma('busy_timeout = 0');
    return database;
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    throw new GridError('bad-config', `The database ${file} cannot be opened: ${(cause as Error).message}.`, { cause });
  }
}
