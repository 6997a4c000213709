/** Locks between processes: SQLite's, on an empty database. The kernel lets it go when its process ends, however. */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';

export interface FileLock {
  close(): void;
}

/** Nothing is ever written, so no journal is needed on disk. */
const HOLD = 'pragma journal_mode = memory; begin exclusive';

/** Makes the file and takes its lock; nobody else may know of it yet. */
export function makeLock(file: string): FileLock {
  const lock = new Database(file, { timeout: 0 });
  lock.exec(HOLD);
  return lock;
}

/**
 * The lock, `held` when another has it, undefined when there is none to take.
 * @throws Error when it cannot be said, such as for want of file descriptors: that is no leave to remove what it guards
 */
export function takeLock(file: string): FileLock | 'held' | undefined {
  let lock: Database.Database | undefined;
  try {
    lock = new Database(file, { timeout: 0, fileMustExist: true });
    lock.exec(HOLD);
    return lock;
  } catch (error) {
    lock?.close();
    const { code } = error as { code?: string };
    if (code === 'SQLITE_BUSY') return 'held';
    if (code === 'SQLITE_NOTADB' || !existsSync(file)) return undefined;
    throw error;
  }
}
