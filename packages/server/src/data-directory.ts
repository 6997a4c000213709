/** The server's directory: the database, the blobs, and the lock that keeps a second server out. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import Database from 'better-sqlite3';

const DATABASE = 'kolejka.sqlite';

export interface DataDirectory {
  database: string;
  blobs: string;
  lock: string;
}

/** Is there a database in the directory? */
export function hasDatabase(directory: string): boolean {
  return existsSync(path.join(directory, DATABASE));
}

/**
 * Makes the directory, for its owner only. One that is there already stays as it is: it may be somebody's, and to
 * take it from its group or to close /tmp is not ours to do.
 * @throws GridError `bad-config` when it cannot be made, or when others could put something into it beforehand
 */
export async function makeDataDirectory(directory: string): Promise<DataDirectory> {
  const root = path.resolve(directory);
  let mode: number;
  try {
    // The umask may have taken more away than we do.
    if (await makeDirectory(root)) await chmod(root, 0o700);
    mode = (await stat(root)).mode;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('bad-config', `The data directory ${root} cannot be made or used (${code}).`, { cause });
  }
  if (!hasDatabase(root) && (mode & 0o022) !== 0) {
    throw new GridError(
      'bad-config',
      `Others may write into ${root}: name a data directory of the server's own, or chmod it to 700 first.`,
    );
  }
  return directoryAt(root);
}

/**
 * Makes a directory and those above it, of which one that is there stays as it is; true when it made the last one.
 * Node's own `recursive` tries without end where nothing can be made and the system says ENOENT, as below /proc.
 */
async function makeDirectory(directory: string, isAboveThere = false): Promise<boolean> {
  try {
    await mkdir(directory, { mode: 0o700 });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return false;
    if (code !== 'ENOENT' || isAboveThere) throw error;
  }
  await makeDirectory(path.dirname(directory));
  return await makeDirectory(directory, true);
}

/** What is where in a data directory. */
export function directoryAt(directory: string): DataDirectory {
  const root = path.resolve(directory);
  return {
    database: path.join(root, DATABASE),
    blobs: path.join(root, 'blobs'),
    lock: path.join(root, 'server.lock'),
  };
}

/**
 * Holds the directory for one server; answers the function that lets it go.
 *
 * The lock is SQLite's lock on an empty database: the kernel lets it go when the process ends, however it ends.
 * @throws GridError `bad-config` when another server has it, or when the lock cannot be used
 */
export function lockDataDirectory({ lock }: DataDirectory): () => void {
  let held: Database.Database | undefined;
  try {
    held = new Database(lock, { timeout: 0 });
    held.exec('begin exclusive');
  } catch (cause) {
    held?.close();
    throw new GridError('bad-config', whyNotLocked(lock, cause as Error & { code?: string }), { cause });
  }
  return () => void held.close();
}

function whyNotLocked(lock: string, { code, message }: Error & { code?: string }): string {
  return code === 'SQLITE_BUSY'
    ? `Another kolejka-server is running on ${path.dirname(lock)}: stop it, or give this one another --data.`
    : `The lock ${lock} cannot be used: ${message}.`;
}
