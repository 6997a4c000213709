/**
 * What tasks leave of the node's disk. A task that states a limit has a disk of its own; one that does not writes on
 * the node's, and is ended before that is full.
 */
import { execFile } from 'node:child_process';
import { existsSync, statfsSync, statSync } from 'node:fs';
import { promisify } from 'node:util';

/** Left for everything else on the node: bytes and files, or half of what was there at the start if that is less. */
const KEPT_BYTES = 1024 ** 3;
const KEPT_FILES = 10_000;

/**
 * Notes what is free now on the file systems of the directories.
 * @returns whether since then one of them has come down to what must stay free
 */
export function watchFreeSpace(directories: readonly string[]): () => boolean {
  // An engine that is reached over a network keeps its directory elsewhere.
  const watched = directories
    .filter((directory) => existsSync(directory))
    .map((directory) => {
      const { bytes, files } = freeSpace(directory);
      return { directory, bytes: Math.min(KEPT_BYTES, bytes / 2), files: Math.min(KEPT_FILES, files / 2) };
    });
  return () =>
    watched.some((kept) => {
      const left = freeSpace(kept.directory);
      return left.bytes < kept.bytes || left.files < kept.files;
    });
}

/** What is free where a directory is. Some file systems, such as btrfs, make files as they are needed and count none. */
export function freeSpace(directory: string): { bytes: number; files: number } {
  const { bavail, bsize, files, ffree } = statfsSync(directory);
  return { bytes: bavail * bsize, files: files === 0 ? Infinity : ffree };
}

/** A task with less than this of its own on the node's disk is not one of those that have filled it. */
const MUCH_BYTES = 64 * 1024 ** 2;
const MUCH_FILES = 5000;

/** Whether there is much in the directories, whose contents may change meanwhile. */
export async function isMuch(directories: readonly string[]): Promise<boolean> {
  const places = directories.filter((directory) => existsSync(directory));
  if (places.length === 0) return false;
  const [bytes, files] = await Promise.all([measure('--block-size=1', places), measure('--inodes', places)]);
  return bytes > MUCH_BYTES || files > MUCH_FILES;
}

/** Sum of what du(1) says. It ends with 1 when a file was removed under it, and has counted the others. */
async function measure(unit: string, places: readonly string[]): Promise<number> {
  const args = ['--summarize', '--one-file-system', unit, '--', ...places];
  const text = await promisify(execFile)('du', args).then(
    ({ stdout }) => stdout,
    ({ stdout = '' }: { stdout?: string }) => stdout,
  );
  const sizes = text.split('\n').map((line) => Number.parseInt(line, 10));
  return sizes.reduce((sum, size) => sum + (Number.isNaN(size) ? 0 : size), 0);
}

/** So much is in none of the files that the engine makes for a container. */
const MOST_IN_FILES = 1024 ** 2;

/** Whether a container has grown files of the engine that are on the node's disk, and that it can write. */
export function watchFiles(files: readonly string[]): () => boolean {
  return () => files.some((file) => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MOST_IN_FILES);
}

/** Less than this on the disk of a bounded directory, and what was written in it may not have reached the disk. */
const SPENT_BYTES = 16 * 1024 ** 2;

/** The node's own disk is full. */
export function isSpent(directory: string): boolean {
  return freeSpace(directory).bytes < SPENT_BYTES;
}
