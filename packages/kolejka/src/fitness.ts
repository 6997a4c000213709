/** What a grid needs of whoever starts it, said before anything is started. */
import { makeDirectories } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';

/** @throws GridError `node-unfit` for everybody but root: control groups and the containers' files are root's */
export function requireRoot(uid: number | undefined = process.geteuid?.()): void {
  if (uid === 0) return;
  throw new GridError(
    'node-unfit',
    'A grid limits tasks by control groups, which only root can make: start it as root.',
  );
}

/**
 * Makes a directory for its owner only, unless it is there.
 * @throws GridError `bad-config` when it cannot be made
 */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    await makeDirectories(directory, 0o700);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('bad-config', `The directory ${directory} cannot be made (${code}): choose another --data.`, {
      cause,
    });
  }
}
