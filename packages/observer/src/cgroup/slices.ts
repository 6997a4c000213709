/**
 * cgroup v2 where systemd makes the groups of containers: a task group is a slice that systemd has started, everything
 * else is as in v2. Limits go into the files first, where the kernel refuses what cannot be, and then to systemd.
 */
import path from 'node:path';
import type { Limits } from '@kolejka/protocol';
import type { Group } from './cgroups.ts';
import { readFile } from './files.ts';
import { startSlice, stopSlice, tellLimits } from './systemd.ts';
import { sliceName, sliceTaskPath } from './task-groups.ts';
import { CgroupsV2, GroupV2 } from './v2.ts';

export class CgroupsOfSystemd extends CgroupsV2 {
  override taskPath(run: string): string {
    return sliceTaskPath(run);
  }

  override parentFor(groupPath: string): string {
    return sliceName(groupPath) ?? super.parentFor(groupPath);
  }

  override create(groupPath: string): Group {
    const name = sliceName(groupPath);
    // systemd first: from then on it takes no controller away that the files below need.
    if (name !== undefined) startSlice(name, readFile(path.join(this.root, 'cpuset.cpus.effective')) ?? '');
    return super.create(groupPath);
  }

  override open(groupPath: string): Group {
    const name = sliceName(groupPath);
    return name === undefined ? super.open(groupPath) : new Slice(name, groupPath, this);
  }
}

class Slice extends GroupV2 {
  readonly #name: string;

  constructor(name: string, groupPath: string, cgroups: CgroupsOfSystemd) {
    super(groupPath, cgroups);
    this.#name = name;
  }

  override limit(limits: Limits, cpuSet?: readonly number[]): void {
    super.limit(limits, cpuSet);
    tellLimits(this.#name, this.files);
  }

  override async remove(): Promise<void> {
    if (this.exists()) await this.kill();
    // A slice may be left without its group.
    stopSlice(this.#name);
    await super.remove();
  }
}
