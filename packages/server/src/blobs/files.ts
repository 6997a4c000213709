/** What the stores of bytes ask of the file system, and how it says no. */
import { type FileHandle, open } from 'node:fs/promises';
import { GridError } from '@kolejka/protocol';

/** Directories that are being synced, and the sync after that, if anybody waits for it. */
const syncs = new Map<string, { running: Promise<void>; next?: Promise<void> }>();

/** Makes names in a directory safe from a crash. Calls that come together share one sync. */
export function syncDirectory(directory: string): Promise<void> {
  const known = syncs.get(directory);
  if (known === undefined) return beginSync(directory);
  // The one under way may have begun before the caller's name was there; the one after it has not.
  known.next ??= known.running.catch(() => undefined).then(() => beginSync(directory));
  return known.next;
}

function beginSync(directory: string): Promise<void> {
  const running = syncNow(directory).finally(() => {
    if (syncs.get(directory)?.running === running) syncs.delete(directory);
  });
  syncs.set(directory, { running });
  return running;
}

async function syncNow(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes all of the bytes where the file ends now. */
export async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let left = chunks;
  while (left.length > 0) left = rest(left, (await file.writev(left)).bytesWritten);
}

function rest(chunks: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let skip = written;
  let index = 0;
  for (; index < chunks.length && skip >= (chunks[index] as Uint8Array).length; index += 1) {
    skip -= (chunks[index] as Uint8Array).length;
  }
  const [first, ...others] = chunks.slice(index);
  return first === undefined ? [] : [first.subarray(skip), ...others];
}

/**
 * Gives the memory of bytes back that nobody will look at again. The garbage collector would do it some time later:
 * measured 2026-11, a gigabyte that passes by leaves 70 MB in memory without this, and 15 with it.
 */
export function freeBytes({ buffer, byteLength }: Uint8Array): void {
  // Small ones share their memory with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** What a full disk says, a full quota, and a file that may not grow. */
const NO_SPACE: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The error as ours, where it says that there is no room. */
export function explainFull(thrown: unknown): unknown {
  const { code } = thrown as NodeJS.ErrnoException;
  if (!NO_SPACE.has(code ?? '')) return thrown;
  return new GridError('no-space', 'The disk of the server is full; nothing of this was kept.', { cause: thrown });
}

/** For what need not be there. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
