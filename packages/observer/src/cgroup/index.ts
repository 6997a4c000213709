/** The door of the control group library: `openCgroups` chooses between v1 and v2, and nothing above knows which. */
import { GridError } from '@kolejka/protocol';
import type { Cgroups } from './cgroups.ts';
import { readFile } from './files.ts';
import { readHierarchies } from './mounts.ts';
import { CgroupsV1 } from './v1.ts';
import { CgroupsV2 } from './v2.ts';

export type { Cgroups, Group, Placement } from './cgroups.ts';

/**
 * The control groups of this machine: v1 where the memory controller is mounted as v1 (v2 may stand beside it,
 * without controllers), else v2.
 * @throws GridError `node-unfit` saying what is missing
 */
export function openCgroups(): Cgroups {
  const hierarchies = readHierarchies();
  if (hierarchies.some(({ controllers }) => controllers.includes('memory'))) return new CgroupsV1(hierarchies);
  const unified = hierarchies.find(({ version }) => version === 2);
  if (unified === undefined) {
    throw new GridError(
      'node-unfit',
      'No control groups are mounted; as root: mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    );
  }
  const controllers = readFile(`${unified.directory}/cgroup.controllers`)?.split(' ') ?? [];
  if (!controllers.includes('memory')) {
    throw new GridError(
      'node-unfit',
      `The kernel does not offer the memory controller in ${unified.directory}; boot it with cgroup_enable=memory.`,
    );
  }
  return new CgroupsV2(unified);
}
