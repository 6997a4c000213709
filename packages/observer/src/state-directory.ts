/** The directory of the records: ours alone, and held by one observer at a time. */
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, statSync } from 'node:fs';
import path from 'node:path';
import { makeDirectories } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import koffi from 'koffi';

const LOCK_EX = 2;
const LOCK_NB = 4;
/** Each is lost only to an observer that ends at this very moment. */
const TRIES = 5;

type Flock = (fd: number, operation: number) => number;

const flock = koffi.load(null).func('int flock(int fd, int operation)') as unknown as Flock;

/**
 * Makes the directory and holds it until this process ends, however it does: the kernel forgets the lock then.
 * @throws GridError `already-exists` when an observer holds it, `node-unfit` when it cannot be made or trusted
 */
export async function holdStateDirectory(directory: string): Promise<void> {
  try {
    await makeDirectories(path.dirname(directory));
    for (let attempt = 0; attempt < TRIES; attempt += 1) if (tryToHold(directory)) return;
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError(
      'node-unfit',
      `The observer cannot keep its sessions in ${directory} (${code}); choose another directory with --state.`,
      { cause },
    );
  }
  throw running(directory);
}

/** False when an observer that ended has removed the directory meanwhile. */
function tryToHold(directory: string): boolean {
  makePrivate(directory);
  const file = path.join(directory, 'lock');
  const descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  if (flock(descriptor, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(descriptor);
    throw running(directory);
  }
  if (statSync(file, { throwIfNoEntry: false })?.ino === fstatSync(descriptor).ino) return true;
  closeSync(descriptor);
  return false;
}

function running(directory: string): GridError {
  return new GridError(
    'already-exists',
    `An observer with its state in ${directory} runs already; stop it, or choose another socket with -s.`,
  );
}

/** The records decide which groups are killed and who may use them: whoever can write there is as good as root. */
function makePrivate(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
  const found = lstatSync(directory);
  if (found.isDirectory() && found.uid === process.geteuid?.() && (found.mode & 0o077) === 0) return;
  throw new GridError(
    'node-unfit',
    `${directory} must be a directory of the observer's user that nobody else can enter: chown it, and chmod 700.`,
  );
}
