/**
 * The disk of a run: where its files are, and what its container writes elsewhere. Each is a bounded directory where a
 * limit says how much it may be; what has no limit is on the node's disk, which the task must not fill.
 */
import path from 'node:path';
import { GridError, type Limits } from '@kolejka/protocol';
import type { Container } from 'dockerode';
import { type Bounded, type BoundedKind, makeBounded, releaseBounded } from './bounded.ts';
import type { Engine } from './engine.ts';
import { isMuch, isSpent, watchFreeSpace } from './node-disk.ts';
import { boundStorage, type Storage, type StorageKind, UNBOUNDED, writtenPlaces } from './storage.ts';

export interface RunDisk {
  /** Directory for the task's files and its result. */
  files: string;
  /** What the container writes elsewhere. */
  storage: Storage;
  /** Little is left on the node's disk, where the task writes without a limit. */
  isNodeLow: () => boolean;
  /** Whether much of what is there is the task's. */
  hasMuch: (container: Container) => Promise<boolean>;
  /**
   * The limit of a directory that is full, or undefined.
   * @throws GridError `node-unfit` when it is the node's disk that is full, and not the task's part of it
   */
  fullLimit: () => Promise<BoundedLimit | undefined>;
}

const BOUNDED_LIMITS = ['workspace', 'storage'] as const;
export type BoundedLimit = (typeof BOUNDED_LIMITS)[number];

export interface DiskKinds {
  bounded: BoundedKind;
  storage: StorageKind;
}

interface DiskOptions {
  engine: Engine;
  /** What this machine makes bounded directories of, and how it keeps containers to them. */
  kinds: DiskKinds;
  /** Directory of the run. */
  directory: string;
  limits: Limits;
  /** Registers what must be closed, whatever happens. */
  closing: (what: string, close: () => Promise<unknown>) => void;
}

/** Makes it. @throws GridError `limit-not-kept` */
export async function openRunDisk(options: DiskOptions): Promise<RunDisk> {
  const { engine, kinds, directory, limits, closing } = options;
  const limited = BOUNDED_LIMITS.filter((limit) => limits[limit] !== undefined);
  if (limited.length > 0) closing('disk', () => releaseBounded(limited.map((limit) => placeOf(directory, limit))));
  const made = await Promise.allSettled(BOUNDED_LIMITS.map((limit) => makeLimited(options, limit)));
  // Only when both have come to an end is nothing under way any more that would have to be taken away.
  for (const one of made) if (one.status === 'rejected') throw one.reason;
  const [workspace, storage] = made.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  return {
    files: workspace?.directory ?? directory,
    storage: storage === undefined ? UNBOUNDED : await boundStorage(kinds.storage, storage, closing),
    isNodeLow: watchFreeSpace([
      ...(limits.workspace === undefined ? [directory] : []),
      ...(limits.storage === undefined ? [engine.directory] : []),
    ]),
    hasMuch: async (container) =>
      await isMuch([
        ...(limits.workspace === undefined ? [directory] : []),
        ...(limits.storage === undefined ? await writtenPlaces(container) : []),
      ]),
    async fullLimit() {
      if (limited.length > 0 && isSpent(directory)) {
        throw new GridError(
          'node-unfit',
          `The disk of this node was full while the task ran: make room in ${directory}.`,
        );
      }
      if ((await workspace?.isFull()) === true) return 'workspace';
      return (await storage?.isFull()) === true ? 'storage' : undefined;
    },
  };
}

const placeOf = (directory: string, limit: BoundedLimit) => path.join(directory, `bounded-${limit}`);

async function makeLimited(
  { kinds, directory, limits }: DiskOptions,
  limit: BoundedLimit,
): Promise<Bounded | undefined> {
  const bytes = limits[limit];
  return bytes === undefined ? undefined : await makeBounded(kinds.bounded, placeOf(directory, limit), bytes, limit);
}
