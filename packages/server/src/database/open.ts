/**
 * The database: one connection, one writer.
 *
 * Every acknowledged write is on disk: WAL with synchronous=FULL. Writes that come at the same time share one commit
 * (`group-commit.ts`), which costs each of them less than giving durability up would save. What a write announces is
 * heard only after its commit. The functions of this folder are synchronous and are called inside `read` and `write`;
 * those two are async, so that another database can stand behind them.
 */
import { GridError } from '@kolejka/protocol';
import Database from 'better-sqlite3';
import type { Announcement } from './events.ts';
import { openGroupCommit } from './group-commit.ts';
import { migrate } from './migrate.ts';

type Values = Record<string, string | number | null>;

/** What statements are run on. */
export interface Connection {
  all<Row>(sql: string, values?: Values): Row[];
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what its columns are
  get<Row>(sql: string, values?: Values): Row | undefined;
  /** Answers how many rows were changed. */
  run(sql: string, values?: Values): number;
  /** Tells the listeners of `onCommit`, if and when the write around it is committed. */
  announce(event: Announcement): void;
}

export type Listener = (announced: readonly Announcement[], db: Connection) => void;

export interface Store {
  read<Answer>(query: (db: Connection) => Answer): Promise<Answer>;
  /** Runs the change in a transaction; resolves when it is on disk. What it throws is undone and thrown. */
  write<Answer>(change: (db: Connection) => Answer): Promise<Answer>;
  /** Hears what was announced, after each commit. Answers the function that ends it. */
  onCommit(listener: Listener): () => void;
  /** Commits what is under way, then closes. */
  close(): Promise<void>;
}

/**
 * Opens or makes the database.
 * @param file path, or `:memory:`
 * @throws GridError `bad-config` when the file cannot be used
 */
export function openStore(file: string): Store {
  const database = openDatabase(file);
  const statements = new Map<string, Database.Statement>();
  const listeners = new Set<Listener>();
  const announced: Announcement[] = [];

  const prepare = (sql: string) => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  const connection: Connection = {
    all: <Row>(sql: string, values: Values = {}) => prepare(sql).all(values) as Row[],
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
    get: <Row>(sql: string, values: Values = {}) => prepare(sql).get(values) as Row | undefined,
    run: (sql, values = {}) => prepare(sql).run(values).changes,
    announce: (event) => void announced.push(event),
  };
  const group = openGroupCommit(database, {
    mark: () => announced.length,
    undo: (mark) => void announced.splice(mark),
    committed: () => {
      const events = announced.splice(0);
      if (events.length > 0) for (const listener of listeners) listener(events, connection);
    },
  });

  return {
    read: async (query) => query(connection),
    write: (change) => group.run(() => change(connection)),
    onCommit(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      await group.drained();
      database.close();
    },
  };
}

function openDatabase(file: string): Database.Database {
  try {
    const database = new Database(file, { timeout: 5000 });
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    migrate(database);
    return database;
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    throw new GridError('bad-config', `The database ${file} cannot be opened: ${(cause as Error).message}.`, { cause });
  }
}
