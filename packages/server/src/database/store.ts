/**
 * The store: what the rest of the server knows of a database.
 *
 * There is one writer at a time, in the whole grid: the engine's lock is held from `begin` to `commit`. So what a write
 * has read stays true until it is committed, statements need no locks of their own, and the numbers of the event log
 * are in the order of the commits. Writes that come at the same time share one commit (`group-commit.ts`).
 */

export type Values = Record<string, string | number | null>;

/** What statements are run on. Parameters are written `:name`, the same text runs on every engine. */
export interface Connection {
  all<Row>(sql: string, values?: Values): Promise<Row[]>;
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what its columns are
  get<Row>(sql: string, values?: Values): Promise<Row | undefined>;
  /** Answers how many rows were changed. */
  run(sql: string, values?: Values): Promise<number>;
}

export interface Store {
  /** Sees what is committed. Two statements may see two states, on an engine that others write to. */
  read<Answer>(query: (db: Connection) => Promise<Answer>): Promise<Answer>;
  /**
   * Runs the change in a transaction; resolves when it is on disk. What it throws is undone and thrown.
   *
   * A change waits for nothing but the `db` it is given: everybody else waits for it.
   */
  write<Answer>(change: (db: Connection) => Promise<Answer>): Promise<Answer>;
  /** Hears that something was committed, here or, where others can write, elsewhere. Answers the function that ends it. */
  onCommit(listener: () => void): () => void;
  /** Commits what is under way, then closes. */
  close(): Promise<void>;
}

/** What a database must be able to do; the store is made of it. One transaction at a time. */
export interface Engine {
  /** Statements outside of a transaction. */
  reading: Connection;
  /** Waits until no other writer is at work, also in other processes, and begins. */
  begin(): Promise<Connection>;
  savepoint(): Promise<void>;
  release(): Promise<void>;
  /** Undoes what came after the savepoint, and the savepoint. */
  undo(): Promise<void>;
  commit(): Promise<void>;
  /** After a failure anywhere; does nothing where the engine has ended the transaction by itself. */
  rollback(): Promise<void>;
  /** True where a read during a transaction would see what is not committed yet. */
  readsUncommitted: boolean;
  /** Tells of commits of other processes, where the engine hears of them. */
  onForeignCommit(listener: () => void): void;
  close(): Promise<void>;
}
