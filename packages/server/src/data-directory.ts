/** The server's directory: the database, the blobs, and the lock that keeps a second server out. */
import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import Database from 'better-sqlite3';

export interface DataDirectory {
  database: string;
  blobs: string;
  lock: string;
}

/**
 * Makes the directory, for its owner only.
 * @throws GridError `bad-config` when it cannot be made
 */
export async function makeDataDirectory(directory: string): Promise<DataDirectory> {
  const root = path.resolve(directory);
  try {
    await mkdir(root, { recursive: true, mode: 0o700 });
    await chmod(root, 0o700);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('bad-config', `The data directory ${root} cannot be made or used (${code}).`, { cause });
  }
  return {
    database: path.join(root, 'kolejka.sqlite'),
    blobs: path.join(root, 'blobs'),
    lock: path.join(root, 'server.lock'),
  };
}

/**
 * Holds the directory for one server; answers the function that lets it go.
 *
 * The lock is SQLite's lock on an empty database: the kernel lets it go when the process ends, however it ends.
 * @throws GridError `bad-config` when another server has it
 */
export function lockDataDirectory({ lock }: DataDirectory): () => void {
  const held = new Database(lock, { timeout: 0 });
  try {
    held.exec('begin exclusive');
  } catch (cause) {
    held.close();
    throw new GridError(
      'bad-config',
      `Another kolejka-server is running on ${path.dirname(lock)}: stop it, or give this one another --data.`,
      { cause },
    );
  }
  return () => void held.close();
}
