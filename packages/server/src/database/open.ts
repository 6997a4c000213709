/** Opens the database that the settings name, as a store. */
import { openGroupCommit } from './group-commit.ts';
import type { Waits } from './engines/postgres.ts';
import type { Engine, Store } from './store.ts';

/**
 * The store on an engine.
 * @param noted hears how many writes shared each commit
 */
export function storeOn(engine: Engine, noted: (writes: number) => void = () => undefined): Store {
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  const group = openGroupCommit(engine, (writes) => {
    noted(writes);
    tell();
  });
  engine.onForeignCommit(tell);

  return {
    async read(query) {
      if (engine.readsUncommitted) await group.between();
      return query(engine.reading);
    },
    write: (change) => group.run(change),
    onCommit(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      await group.drained();
      await engine.close();
    },
  };
}

/**
 * Opens the database: `postgres://…`, else the path of an SQLite file or `:memory:`. An engine is loaded only when it
 * is used.
 * @param noted hears how many writes shared each commit
 * @param waits for a PostgreSQL other than usual, in milliseconds
 * @throws GridError `bad-config` when it cannot be used
 */
export async function openStore(database: string, noted?: (writes: number) => void, waits?: Waits): Promise<Store> {
  if (isPostgres(database)) {
    const { openPostgres } = await import('./engines/postgres.ts');
    return storeOn(await openPostgres(database, waits), noted);
  }
  const { openSqlite } = await import('./engines/sqlite.ts');
  return storeOn(openSqlite(database), noted);
}

/** True for the address of a PostgreSQL server. */
export function isPostgres(database: string): boolean {
  return /^postgres(ql)?:\/\//.test(database);
}
