/**
 * Where one process keeps the files it has not finished: `incoming/<name>`, held by a lock as long as it lives.
 *
 * Several servers may share one directory of blobs. A directory whose lock nobody holds is of a process that died, and
 * whoever comes by removes it.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { makeLock, takeLock } from './lock.ts';

export interface Aside {
  directory: string;
  close(): Promise<void>;
}

const LOCK = 'lock';
/** Begins the name of a directory whose lock is not held yet. */
const NEW = 'new-';
/** Making a directory and locking it takes milliseconds; what is older was given up. */
const NEW_MS = 60_000;

/** Makes a directory for this process. It gets its name when it is locked, so that nobody takes it for a dead one's. */
export async function openAside(parent: string): Promise<Aside> {
  const name = randomUUID();
  const unlocked = path.join(parent, NEW + name);
  await mkdir(unlocked, { mode: 0o700 });
  const lock = makeLock(path.join(unlocked, LOCK));
  const directory = path.join(parent, name);
  await rename(unlocked, directory);
  return {
    directory,
    async close() {
      await rm(directory, { recursive: true, force: true });
      lock.close();
    },
  };
}

/** Removes the unfinished files of processes that died; answers how many there were. */
export async function removeDead(parent: string): Promise<number> {
  let removed = 0;
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    const place = path.join(parent, entry.name);
    if (!entry.isDirectory()) {
      await rm(place, { force: true });
      removed += 1;
    } else if (!(entry.name.startsWith(NEW) && (await isYoung(place)))) removed += await removeUnlocked(place);
  }
  return removed;
}

async function removeUnlocked(directory: string): Promise<number> {
  const lock = takeLock(path.join(directory, LOCK));
  if (lock === 'held') return 0;
  try {
    const files = await readdir(directory).catch(() => []);
    // Held until the directory is gone, so that of two who come by only one removes it.
    await rm(directory, { recursive: true, force: true });
    return files.filter((name) => name !== LOCK).length;
  } finally {
    lock?.close();
  }
}

async function isYoung(directory: string): Promise<boolean> {
  const found = await stat(directory).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < NEW_MS;
}
