/** The database that a command line works on, beside a server or without one. */
import { makeDataDirectory } from '../data-directory.ts';
import { openStore } from '../database/open.ts';
import type { Store } from '../database/store.ts';

/** Where the database is; the settings of a server are such a place. */
export interface Place {
  /** The data directory. */
  data: string;
  /** Address of a PostgreSQL database; without it, the SQLite file in the data directory. */
  database?: string | undefined;
}

/** Opens the database, which is made when there is none, and closes it whatever happens. */
export async function withStore<Answer>(place: Place, use: (store: Store) => Promise<Answer>): Promise<Answer> {
  const directory = await makeDataDirectory(place.data);
  const store = await openStore(place.database ?? directory.database);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
