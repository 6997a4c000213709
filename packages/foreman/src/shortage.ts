/**
 * What a node must have left to take tasks: a task that is begun on the last of a disk or of the memory fails through no
 * fault of its own, and takes others along.
 */
import { existsSync, readFileSync } from 'node:fs';
import { GridError } from '@kolejka/protocol';
import { freeSpace } from '@kolejka/worker';

/** Least that must be free: of the disk twice what the worker keeps from tasks without a limit. */
export const LEAST = { diskBytes: 2 * 1024 ** 3, files: 20_000, memoryBytes: 256 * 1024 ** 2 } as const;

/** What of the machine is looked at. */
export interface Looks {
  /** Free bytes and files of a directory; undefined where there is none. */
  disk: (directory: string) => { bytes: number; files: number } | undefined;
  /** Bytes that programs can still have (MemAvailable of /proc/meminfo); undefined where the kernel does not say. */
  memory: () => number | undefined;
}

/**
 * Why no task may be taken now, or undefined.
 * @param directories where tasks and their results are written
 */
export function findShortage(directories: readonly string[], looks: Looks = THE_MACHINE): GridError | undefined {
  for (const directory of directories) {
    const free = looks.disk(directory);
    if (free === undefined || (free.bytes >= LEAST.diskBytes && free.files >= LEAST.files)) continue;
    const left = free.bytes < LEAST.diskBytes ? `${mib(free.bytes)} MiB` : `${free.files} files`;
    return new GridError(
      'node-unfit',
      `The disk of ${directory} has ${left} left: make room there (${mib(LEAST.diskBytes)} MiB and ${LEAST.files} files); no task is taken until then.`,
    );
  }
  const memory = looks.memory() ?? Infinity;
  if (memory >= LEAST.memoryBytes) return undefined;
  return new GridError(
    'node-unfit',
    `The node has ${mib(memory)} MiB of memory left, below ${mib(LEAST.memoryBytes)}: offer less with --memory, or end what else runs here; no task is taken until then.`,
  );
}

const mib = (bytes: number) => Math.floor(bytes / 1024 ** 2);

const THE_MACHINE: Looks = {
  disk: (directory) => (existsSync(directory) ? freeSpace(directory) : undefined),
  memory() {
    const [, kib] = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1024;
  },
};
