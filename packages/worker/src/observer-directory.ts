/** The directory of the observer's socket, as it is mounted into containers. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { GridError, OBSERVER_SOCKET } from '@kolejka/protocol';

const NAME = path.basename(OBSERVER_SOCKET);

/**
 * The directory, or undefined when no observer is there. It is mounted and not the socket alone, so that a daemon that
 * starts anew, and makes a new socket, is seen; therefore nothing else may be in it.
 * @throws GridError `node-unfit` when tasks would see more than the socket
 */
export function observerDirectory(socket: string): string | undefined {
  const directory = path.dirname(path.resolve(socket));
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new GridError('node-unfit', `The observer's directory ${directory} cannot be read.`, { cause: error });
  }
  if (!entries.includes(path.basename(socket))) return undefined;
  if (path.basename(socket) === NAME && entries.length === 1) return directory;
  throw new GridError(
    'node-unfit',
    `The observer's socket ${socket} must be called "${NAME}" and be alone in its directory: tasks see all of it.`,
  );
}
