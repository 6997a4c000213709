/**
 * Groups are made from the top down and removed from the bottom up, while other programs do the same beside us: a parent
 * that was there a moment ago may be gone.
 */
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import { errorCode, groupExists, removeGroup, subtree } from './files.ts';
import { until } from './patience.ts';

/** Tries to make a group whose parents another program removes as empty at the same time. */
const MAKING_TRIES = 10;
/** How long a group may stay busy after its last process. */
const REMOVAL_PATIENCE_MS = 5_000;

/** `/a/b/c` as `/a`, `/a/b`, `/a/b/c`. */
export function pathAndParents(groupPath: string): string[] {
  const parts = groupPath.split('/').filter((part) => part !== '');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

/** Runs `make`, again when a parent went away under it. @throws GridError `node-unfit` */
export function makeWithParents(groupPath: string, make: () => void): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return make();
    } catch (thrown) {
      if (errorCode(thrown) === 'ENOENT' && attempt < MAKING_TRIES) continue;
      throw thrown instanceof GridError ? thrown : unfit(groupPath, thrown);
    }
  }
}

function unfit(groupPath: string, thrown: unknown): GridError {
  const code = errorCode(thrown);
  const remedy =
    code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? 'run as root, outside containers' : 'see the cause';
  return new GridError('node-unfit', `The control group ${groupPath} cannot be made (${code}): ${remedy}.`, {
    cause: thrown,
  });
}

/** Removes a group that has no processes, and the groups below. @throws GridError `node-unfit` when it stays busy */
export async function removeTree(directory: string): Promise<void> {
  // Mostly it is not there, or has nothing below; so it is not looked for first.
  const isGone = () =>
    !groupExists(directory) || removeGroup(directory) || subtree(directory).toReversed().every(removeGroup);
  if (!(await until(isGone, REMOVAL_PATIENCE_MS))) {
    throw new GridError('node-unfit', `The control group ${directory} stays busy and cannot be removed.`);
  }
}

/**
 * Removes parents that are left empty: the grid's topmost group, which everybody shares, and those in `made`, which were
 * made only to have something below. The topmost slice is systemd's. Never a group of somebody's: that of a task is empty before its container starts.
 */
export function removeEmptyParents(root: string, groupPath: string, made: ReadonlySet<string>): void {
  for (const parent of pathAndParents(groupPath).slice(0, -1).toReversed()) {
    const isTopmost = /^\/kolejka[^/.]*$/.test(parent);
    if (!(isTopmost || made.has(parent)) || !removeGroup(path.join(root, parent))) return;
  }
}
