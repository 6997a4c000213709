/** Makes directories; Node's own recursive mkdir never ends where a level cannot be made in one that is there (/proc). */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a directory and what is missing above it; one that is there is taken, also at the end of a link.
 * @param mode of those that are made
 * @throws the error of the level that cannot be made
 */
export async function makeDirectories(directory: string, mode = 0o777): Promise<void> {
  const level = path.resolve(directory);
  if (await isDirectory(level)) return;
  // The root is there, so this ends.
  await makeDirectories(path.dirname(level), mode);
  try {
    await mkdir(level, mode);
  } catch (cause) {
    // Another program may be making it at this moment.
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || !(await isDirectory(level))) throw cause;
  }
}

async function isDirectory(at: string): Promise<boolean> {
  return (await stat(at).catch(() => undefined))?.isDirectory() === true;
}
