/**
 * The limit `storage`: what a container writes outside its workspace stays within a bounded directory.
 *
 * Docker can do that itself on few file systems. So before the start of the container a bounded file system covers
 * the directory in which the engine keeps what the container writes (docs/decisions/0011-bounded-disk.md):
 *
 * - `layer`: where the root of a container is an overlay and the engine says where its upper directory is, that one.
 *   Everything stays writable, also `/` itself, and nothing of it is written elsewhere.
 * - `places`: elsewhere the root is read-only, and the usual places for writing are directories of the bounded one.
 *
 * Volumes that the image declares are covered in both cases: the engine makes them writable, whatever the root is.
 */
import { access, chmod, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Container, ContainerInspectInfo, HostConfig, MountSettings } from 'dockerode';
import type { Bounded } from './bounded.ts';
import { notKept } from './limit-not-kept.ts';
import { coverDirectory, uncover } from './mounts.ts';

export type StorageKind = 'layer' | 'places';

/** Storage drivers whose containers have an upper directory on the machine: Docker's and Podman's. */
const LAYERED: ReadonlySet<string> = new Set(['overlay2', 'overlay']);

export const storageKind = (driver: string): StorageKind => (LAYERED.has(driver) ? 'layer' : 'places');

/** Where programs expect to write, with the modes the places usually have. */
const PLACES = { '/tmp': 0o1777, '/var/tmp': 0o1777, '/run': 0o755, '/root': 0o700, '/home': 0o755 } as const;

/** How the writes of one container are bounded. */
export interface Storage {
  /** Options of the container. */
  options: Pick<HostConfig, 'ReadonlyRootfs'> & { mounts: MountSettings[] };
  /** To be called with the container that was made and is not started. @throws GridError `limit-not-kept` */
  enclose: (container: Container) => Promise<void>;
  /** To be called after the start. @throws GridError `limit-not-kept` when the engine writes elsewhere */
  check: () => Promise<void>;
}

/** Of a container that may write what the node's disk takes. */
export const UNBOUNDED: Storage = {
  options: { mounts: [] },
  enclose: async () => undefined,
  check: async () => undefined,
};

/**
 * @param bounded where everything goes
 * @param closing registers what must be undone before the engine removes the container
 */
export async function boundStorage(
  kind: StorageKind,
  bounded: Bounded,
  closing: (what: string, close: () => Promise<unknown>) => void,
): Promise<Storage> {
  const covers = path.join(bounded.directory, 'covers');
  await mkdir(covers);
  let count = 0;
  /** What the engine has made there, and what the image puts into a volume, counts too. */
  const cover = async (directory: string): Promise<string> => {
    const inside = path.join(covers, `${(count += 1)}`);
    closing(`cover of ${directory}`, () => uncover(directory));
    await coverDirectory(directory, inside).catch((cause: unknown) => {
      throw notKept(
        'storage',
        `what the image puts there does not fit, or cannot be covered: ${(cause as Error).message}`,
        cause,
      );
    });
    return inside;
  };
  let layer: string | undefined;
  return {
    options: kind === 'layer' ? UNBOUNDED.options : { ReadonlyRootfs: true, mounts: await makePlaces(bounded) },
    async enclose(container) {
      const found = await container.inspect();
      if (kind === 'layer') {
        layer = await cover(await requireLayer(found));
        await forgetWork(layer);
      }
      for (const volume of volumesOf(found)) await cover(volume);
    },
    async check() {
      if (layer !== undefined) await requireWork(layer);
    },
  };
}

const volumesOf = ({ Mounts: mounts }: ContainerInspectInfo) =>
  mounts.filter(({ Type }) => (Type as string) === 'volume').map(({ Source }) => Source);

/** Directories of the engine that hold what a container has written, as far as it says. */
export async function writtenPlaces(container: Container): Promise<string[]> {
  const found = await container.inspect();
  const upper = upperOf(found);
  return [...(upper === undefined ? [] : [upper]), ...volumesOf(found)];
}

const upperOf = ({ GraphDriver: driver }: ContainerInspectInfo) =>
  ((driver?.Data ?? {}) as Record<string, string | undefined>)['UpperDir'];

async function makePlaces(bounded: Bounded): Promise<MountSettings[]> {
  const mounts: MountSettings[] = [];
  for (const [place, mode] of Object.entries(PLACES)) {
    const directory = path.join(bounded.directory, place.slice(1).replaceAll('/', '-'));
    await mkdir(directory);
    await chmod(directory, mode);
    mounts.push({ Type: 'bind', Source: directory, Target: place });
  }
  return mounts;
}

/** The directory that holds the upper directory of the container's overlay, and the kernel's own beside it. */
async function requireLayer({ GraphDriver: driver }: ContainerInspectInfo): Promise<string> {
  const { UpperDir: upper, WorkDir: work } = (driver?.Data ?? {}) as Record<string, string | undefined>;
  const layer = path.dirname(upper ?? '');
  if (upper === undefined || work === undefined || layer !== path.dirname(work)) {
    throw notKept('storage', 'the engine does not say where it keeps what a container writes');
  }
  await access(work).catch((cause: unknown) => {
    throw notKept('storage', `${work}, where the engine keeps what a container writes, is not on this machine`, cause);
  });
  return layer;
}

/**
 * The kernel makes a directory `work` in the work directory of an overlay when that is mounted. Where there is none
 * after the start, the engine has not seen the cover: it has a mount namespace of its own.
 */
const workOf = (layer: string) => path.join(layer, 'work', 'work');

/** The engine has mounted the overlay before, when it made the container. */
async function forgetWork(layer: string): Promise<void> {
  await rm(workOf(layer), { recursive: true, force: true });
}

async function requireWork(layer: string): Promise<void> {
  await access(workOf(layer)).catch((cause: unknown) => {
    throw notKept('storage', 'the engine does not see what the worker mounts: run both in one mount namespace', cause);
  });
}
