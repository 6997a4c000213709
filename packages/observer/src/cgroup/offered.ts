/** What a v2 hierarchy must offer, and what to do when it does not. */
import { GridError } from '@kolejka/protocol';
import { readFile } from './files.ts';
import type { Hierarchy } from './mounts.ts';

/** Controllers that limits and statistics need on v2; cpu.stat is there without any. */
export const NEEDED_OF_V2 = ['cpuset', 'memory', 'pids'] as const;

/** Names of the controllers that a v2 hierarchy offers. */
export function offeredIn({ directory }: Hierarchy): ReadonlySet<string> {
  return new Set(readFile(`${directory}/cgroup.controllers`)?.split(' '));
}

/**
 * Refuses a v2 hierarchy that lacks a controller, with the command that mends it.
 * @param hierarchies all that are mounted
 * @throws GridError `node-unfit` naming the controller
 */
export function refuseMissing(unified: Hierarchy, hierarchies: readonly Hierarchy[]): void {
  const offered = offeredIn(unified);
  const missing = NEEDED_OF_V2.find((name) => !offered.has(name));
  if (missing === undefined) return;
  const holder = hierarchies.find(({ controllers }) => controllers.includes(missing));
  const remedy = holder === undefined ? remedyFor(missing) : `a v1 mount holds it; as root: umount ${holder.directory}`;
  throw new GridError(
    'node-unfit',
    `The control group controller "${missing}" is not offered in ${unified.directory}: ${remedy}`,
  );
}

function remedyFor(name: string): string {
  const kernel = name === 'memory' ? 'boot the kernel with cgroup_enable=memory' : 'use a kernel that has it';
  return `${kernel}; in a unit of systemd set Delegate=yes, and give a container --cgroupns host.`;
}
