/**
 * Directories that take no more than so many bytes and files, whoever writes: a file system of its own for each.
 *
 * Two kinds behind one interface. `file`: ext4 in a sparse file, mounted through a loop device; it counts as nobody's
 * memory and takes the room on the disk that it is used for. `memory`: tmpfs, for machines without loop devices such
 * as most containers; what is written there counts as memory of who writes. Nothing of one is used for the next.
 */
import { access, constants, mkdir, rmdir, statfs, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GridError, type LimitName } from '@kolejka/protocol';
import { notKept } from './limit-not-kept.ts';
import { runScript, unmount } from './mounts.ts';

export type BoundedKind = 'file' | 'memory';

/** A directory with a bound. */
export interface Bounded {
  directory: string;
  /** So little is left of bytes or files that a program may have met the end. */
  isFull: () => Promise<boolean>;
}

const BLOCK = 4096;
/** Directories have a place to be in even when there is no room for anything else. */
const SPARE_BLOCKS = 128;
/** An inode of ext4. */
const INODE_BYTES = 256;
/** What ext4 keeps back of its blocks for itself: a fiftieth, at most so many (ext4_calculate_resv_clusters). */
const MOST_RESERVED = 4096;
const BLOCKS_PER_GROUP = 8 * BLOCK;
/** A file of ext4 with blocks of 4 KiB has at most 2^32 of them; below that, with room for what is added. */
const MOST_BYTES = 15 * 1024 ** 4;

/** A file takes a block at least; few bytes may be many empty files, many bytes need not be millions of files. */
const filesFor = (bytes: number) => Math.min(Math.max(1024, Math.ceil(bytes / BLOCK)), 1024 ** 2);

/**
 * Size of the sparse file, so that at least `bytes` are there for use, and at most a fiftieth or 1 MiB more: inodes,
 * bitmaps, descriptors and ext4's reserve come on top.
 */
function fileSize(bytes: number, files: number): number {
  const used = Math.ceil(bytes / BLOCK) + Math.ceil((files * INODE_BYTES) / BLOCK) + SPARE_BLOCKS;
  const groups = Math.ceil(used / BLOCKS_PER_GROUP) + 1;
  const blocks = used + groups * 3;
  return (blocks + Math.min(MOST_RESERVED, Math.ceil(blocks / 49))) * BLOCK;
}

/** All that fits in such a directory, and not more than a fiftieth or 1 MiB above that. */
export const roomFor = (bytes: number) => bytes + Math.max(Math.ceil(bytes / 50), 1024 ** 2);

/** What runs inside has no use for devices and set-user-id programs of its own making. */
const MOUNT_OPTIONS = 'nosuid,nodev,noatime';
/** Nothing is to be read after a power cut, so nothing waits for the disk: no journal, no barriers. */
const MAKE_EXT4 = `
  mkfs.ext4 -q -F -b ${BLOCK} -I ${INODE_BYTES} -N "$3" -m 0 -O ^has_journal,^resize_inode \\
    -E lazy_itable_init=1,nodiscard "$1"
  mount -t ext4 -o loop,${MOUNT_OPTIONS},noinit_itable,barrier=0 "$1" "$2"`;

const KINDS = {
  async file(directory, bytes, files) {
    const file = `${directory}.ext4`;
    await writeFile(file, '', { flag: 'wx', mode: 0o600 });
    await truncate(file, fileSize(bytes, files));
    await runScript(MAKE_EXT4, file, directory, `${files}`);
    await rmdir(path.join(directory, 'lost+found'));
  },
  async memory(directory, bytes, files) {
    const size = bytes + SPARE_BLOCKS * BLOCK;
    const options = `size=${size},nr_inodes=${files},mode=0755,${MOUNT_OPTIONS}`;
    await runScript('mount -t tmpfs -o "$1" kolejka "$2"', options, directory);
  },
} as const satisfies Record<BoundedKind, (directory: string, bytes: number, files: number) => Promise<void>>;

/** What this machine can make. */
export async function boundedKind(): Promise<BoundedKind> {
  const canLoop = await access('/dev/loop-control', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  return canLoop ? 'file' : 'memory';
}

/**
 * Makes the directory, bounded. It is to be released also when this fails.
 * @param limit whose bound it is, for errors
 * @throws GridError `limit-not-kept` saying what is missing; the errors of a disk that fails
 */
export async function makeBounded(
  kind: BoundedKind,
  directory: string,
  bytes: number,
  limit: LimitName,
): Promise<Bounded> {
  const files = filesFor(bytes);
  await mkdir(directory, { mode: 0o755 });
  try {
    await KINDS[kind](directory, Math.min(bytes, MOST_BYTES), files);
  } catch (cause) {
    // Anything else is the node's disk, and no word of a program that makes file systems.
    if (!(cause instanceof GridError)) throw cause;
    throw notKept(limit, `${cause.message} A worker that bounds the disk runs as root`, cause);
  }
  return { directory, isFull: async () => await isFull(directory, bytes) };
}

/** Takes the directories away with all that is in them; one that was never made is fine. */
export async function releaseBounded(directories: readonly string[]): Promise<void> {
  // Where this fails, unmounting takes longer, and no more.
  await Promise.allSettled(directories.map(dropLarge));
  await unmount(directories);
}

/** Ext4 refuses a block a little before the last one: what it may need for its own is set aside. */
async function isFull(directory: string, bytes: number): Promise<boolean> {
  const { bavail, bsize, ffree } = await statfs(directory);
  return bavail * bsize < Math.max((SPARE_BLOCKS / 2) * BLOCK, bytes / 128) || ffree === 0;
}

const MUCH_BYTES = 32 * 1024 ** 2;

/** Unmounting writes what is not yet on the disk: of files that nobody will read, that is better forgotten. */
async function dropLarge(directory: string): Promise<void> {
  const { blocks, bfree, bsize } = await statfs(directory);
  if ((blocks - bfree) * bsize < MUCH_BYTES) return;
  await runScript('find "$1" -xdev -type f -size +1M -delete', directory);
}
