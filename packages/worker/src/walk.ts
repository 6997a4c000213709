/**
 * Walks a directory that hostile code has written, by file descriptor: links are never followed, names are bytes,
 * only regular files are handed on. Must run after every process that could still write there is dead.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, opendir } from 'node:fs/promises';

export interface FoundFile {
  /** Names from the root down; valid UTF-8. */
  names: readonly string[];
  /** The open file. */
  file: FileHandle;
  /** A path to the entry through its directory's descriptor: usable while the walk is at this file. */
  entry: string;
  stat: Stats;
}

export interface WalkLimits {
  /** Most entries looked at, directories and skipped ones included. */
  entries: number;
  /** Most levels of directories. */
  depth: number;
}

/** Why entries were passed over; kept for the message in the result. */
export type Skipped = (what: 'link or special file' | 'name is not UTF-8' | 'too deep', path: string) => void;

/** Thrown when there are more entries than may be looked at. */
export class TooManyEntries extends Error {}

const NO_FOLLOW = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** What opening a link (ELOOP), a socket or a device says: none is a result. Any other failure is the node's. */
const NO_FILE: ReadonlySet<string> = new Set(['ELOOP', 'ENXIO', 'ENODEV', 'EACCES', 'EPERM', 'EOPNOTSUPP']);

/** All regular files below `root`, in the order of their names. */
export async function* walkFiles(root: string, limits: WalkLimits, skipped: Skipped): AsyncGenerator<FoundFile> {
  const left = { entries: limits.entries };
  const directory = await open(root, NO_FOLLOW | constants.O_DIRECTORY);
  try {
    yield* walkDirectory(directory, [], limits.depth, left, skipped);
  } finally {
    await directory.close();
  }
}

async function* walkDirectory(
  directory: FileHandle,
  above: readonly string[],
  depth: number,
  left: { entries: number },
  skipped: Skipped,
): AsyncGenerator<FoundFile> {
  const here = `/proc/self/fd/${directory.fd}`;
  for (const bytes of await readNames(here, left)) {
    const name = bytes.toString('utf8');
    const names = [...above, name];
    if (!Buffer.from(name).equals(bytes)) {
      skipped('name is not UTF-8', names.join('/'));
      continue;
    }
    const entry = `${here}/${name}`;
    const file = await open(entry, NO_FOLLOW).catch((error: NodeJS.ErrnoException) => {
      if (NO_FILE.has(error.code ?? '')) return undefined;
      throw error;
    });
    if (file === undefined) {
      skipped('link or special file', names.join('/'));
      continue;
    }
    try {
      const stat = await file.stat();
      if (stat.isFile()) yield { names, file, entry, stat };
      else if (!stat.isDirectory()) skipped('link or special file', names.join('/'));
      else if (depth <= 1) skipped('too deep', names.join('/'));
      else yield* walkDirectory(file, names, depth - 1, left, skipped);
    } finally {
      await file.close();
    }
  }
}

/** The names of a directory in their order; no more are read than may be looked at. */
async function readNames(directory: string, left: { entries: number }): Promise<Buffer[]> {
  const names: Buffer[] = [];
  // Node's types do not know that the encoding of opendir may be `buffer`.
  const options = { encoding: 'buffer', bufferSize: 1024 } as unknown as { bufferSize: number };
  for await (const { name } of await opendir(directory, options)) {
    left.entries -= 1;
    if (left.entries < 0) throw new TooManyEntries();
    names.push(name as unknown as Buffer);
  }
  return names.toSorted((one, other) => one.compare(other));
}
