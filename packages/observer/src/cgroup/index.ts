/** The door of the control group library: `openCgroups` chooses the implementation, and nothing above knows which. */
import { GridError } from '@kolejka/protocol';
import type { Cgroups } from './cgroups.ts';
import { type Hierarchy, readHierarchies } from './mounts.ts';
import { offeredIn, refuseMissing } from './offered.ts';
import { HARDWARE, type PerfEvents } from './perf-counters.ts';
import { CgroupsOfSystemd } from './slices.ts';
import { CgroupsV1 } from './v1.ts';
import { CgroupsV2 } from './v2.ts';

export type { Cgroups, Group, Placement } from './cgroups.ts';
export { COUNTED, isOverCount } from './perf-counters.ts';
export { QuickMoves } from './quick-moves.ts';
export { findTask, GROUPS_OF_TASKS, OUTSIDE } from './task-groups.ts';

/** Names by which container engines say who makes the groups of containers. */
const DRIVERS: ReadonlySet<string> = new Set(['cgroupfs', 'systemd']);
const SAY_CGROUPFS = 'put {"exec-opts": ["native.cgroupdriver=cgroupfs"]} in /etc/docker/daemon.json and restart it.';

/**
 * The control groups of this machine: v1 where the memory controller is mounted as v1 (v2 may stand beside it,
 * without controllers), else v2.
 * @param driver the container engine's cgroup driver, for who gives containers a group as parent
 * @param events what limits on performance count
 * @param hierarchies those that are mounted
 * @throws GridError `node-unfit` saying what is missing, with the command that mends it
 */
export function openCgroups(
  driver = 'cgroupfs',
  events: PerfEvents = HARDWARE,
  hierarchies: readonly Hierarchy[] = readHierarchies(),
): Cgroups {
  if (!DRIVERS.has(driver)) {
    throw new GridError('node-unfit', `Docker uses the cgroup driver "${driver}": ${SAY_CGROUPFS}`);
  }
  if (isV1(hierarchies)) {
    if (driver === 'cgroupfs') return new CgroupsV1(hierarchies, events);
    throw new GridError('node-unfit', `Docker uses the cgroup driver "systemd" on cgroup v1: ${SAY_CGROUPFS}`);
  }
  const unified = hierarchies.find(({ version }) => version === 2);
  if (unified === undefined) {
    throw new GridError(
      'node-unfit',
      'No control groups are mounted; as root: mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    );
  }
  refuseMissing(unified, hierarchies);
  return driver === 'systemd' ? new CgroupsOfSystemd(unified, events) : new CgroupsV2(unified, events);
}

/** Memory decides; where nobody has it, it is missed among its like. */
function isV1(hierarchies: readonly Hierarchy[]): boolean {
  const names = new Set(hierarchies.flatMap(({ controllers }) => controllers));
  const isOfV2 = hierarchies.some((each) => each.version === 2 && offeredIn(each).has('memory'));
  return names.has('memory') || (!isOfV2 && names.has('pids'));
}
