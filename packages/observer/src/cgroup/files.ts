/**
 * Files of control groups: read one, write one, make and remove a group. Nothing else touches cgroupfs.
 *
 * A file the kernel lacks, or of a group that is gone meanwhile, reads as undefined: the caller reports it absent.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  watch,
  write,
  writeSync,
} from 'node:fs';
import path from 'node:path';

/** The group went away (ENOENT before, ENODEV after the file was opened), or this kernel cannot say. */
const CANNOT_SAY: ReadonlySet<unknown> = new Set(['ENOENT', 'ENODEV', 'EOPNOTSUPP', 'EINVAL']);

export function errorCode(thrown: unknown): string {
  return (thrown as NodeJS.ErrnoException).code ?? 'unknown';
}

/** The text of a file without its last newline, or undefined. */
export function readFile(file: string): string | undefined {
  try {
    // Of all encodings, Node reads this one without a call of its own for each step: 9 us in place of 15.
    return readFileSync(file, 'utf8').trimEnd();
  } catch (thrown) {
    if (CANNOT_SAY.has(errorCode(thrown))) return undefined;
    throw thrown;
  }
}

/** The text of a file with one number; `max` is Infinity. */
export function parseNumber(text: string | undefined): number | undefined {
  if (text === 'max') return Infinity;
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
}

/** The number behind a key in lines such as `oom_kill 3`. */
export function parseKey(text: string | undefined, key: string): number | undefined {
  const line = text?.split('\n').find((each) => each.startsWith(`${key} `));
  const number = Number(line?.slice(key.length + 1));
  return line === undefined || !Number.isFinite(number) ? undefined : number;
}

/**
 * Calls back when the kernel says that a file has changed: few files of control groups do (cgroup_file_notify).
 * Answers how to stop; a file that is not there, or goes away, just stays silent, and so does one that cannot be watched
 * because this user's programs watch as much as they may (fs.inotify.max_user_instances, 128 by default).
 */
export function watchFile(file: string, heard: () => void): () => void {
  try {
    const watcher = watch(file, { persistent: false }, heard);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch (thrown) {
    if (CANNOT_SAY.has(errorCode(thrown)) || ['EMFILE', 'ENOSPC'].includes(errorCode(thrown))) return () => undefined;
    throw thrown;
  }
}

/** @throws the system error, `code` ENOENT when there is no such file */
export function writeFile(file: string, text: string | number): void {
  // Without O_CREAT: where the group is gone, nothing must be made. Some files cannot be opened for reading.
  const descriptor = openSync(file, constants.O_WRONLY);
  try {
    writeSync(descriptor, String(text));
  } finally {
    closeSync(descriptor);
  }
}

/** As `writeFile`, and this process goes on while the kernel lets the write wait. @throws the system error */
export async function writeAside(file: string, text: string): Promise<void> {
  const descriptor = openSync(file, constants.O_WRONLY);
  return new Promise((resolve, reject) => {
    write(descriptor, text, (refusal) => {
      closeSync(descriptor);
      if (refusal === null) resolve();
      else reject(refusal);
    });
  });
}

/** Makes one group. False when it was there. @throws the system error */
export function makeGroup(directory: string): boolean {
  // Asked first, as it mostly is there and an error is dear.
  if (existsSync(directory)) return false;
  try {
    mkdirSync(directory);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'EEXIST') return false;
    throw thrown;
  }
}

/** False where the hierarchy is mounted read-only, as in most containers. */
export function canWrite(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    // Whatever the reason, nothing can be made there.
    return false;
  }
}

export function groupExists(directory: string): boolean {
  return existsSync(directory);
}

/** Removes one group. False when it still has processes or groups; true when it is gone. */
export function removeGroup(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return true;
    if (errorCode(thrown) === 'EBUSY') return false;
    throw thrown;
  }
}

/** Names of the groups directly below. */
export function groupsIn(directory: string): string[] {
  // Each directory below is a link to this one more than the two that every directory has (kernfs_refresh_inode).
  if (statSync(directory, { throwIfNoEntry: false })?.nlink === 2) return [];
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (thrown) {
    if (CANNOT_SAY.has(errorCode(thrown))) return [];
    throw thrown;
  }
}

/** The group and all below it, parents before their children. */
export function subtree(directory: string): string[] {
  return [directory, ...groupsIn(directory).flatMap((name) => subtree(path.join(directory, name)))];
}

/** Pids in the group itself. Processes of foreign pid namespaces, which the kernel shows as 0, are left out. */
export function pidsIn(directory: string): number[] {
  const text = readFile(path.join(directory, 'cgroup.procs')) ?? '';
  return text === ''
    ? []
    : text
        .split('\n')
        .map(Number)
        .filter((pid) => pid > 0);
}
