/** cgroup v2: one hierarchy; a controller works in a group when the group above has it enabled for those below. */
import path from 'node:path';
import { GridError, type LimitName, type Limits, STAT_NAMES, type StatName, type Stats } from '@kolejka/protocol';
import type { Cgroups, Group, Placement } from './cgroups.ts';
import { errorCode, groupExists, groupsIn, makeGroup, readFile, writeFile } from './files.ts';
import { GroupFiles } from './group-files.ts';
import { cpusAbove, V2_LIMITS, whyNotWritten, writeLimits } from './limits.ts';
import { makeWithParents, pathAndParents, removeEmptyParents, removeTree } from './making.ts';
import { groupsOf, type Hierarchy, pathInHierarchy } from './mounts.ts';
import { until } from './patience.ts';
import { NEEDED_OF_V2 } from './offered.ts';
import { moveIntoLeaf, writeWithRoom } from './own-leaf.ts';
import { COUNTED, HARDWARE, isCounted, PerfCounters, type PerfEvents, whyNotCounted } from './perf-counters.ts';
import { DEATH_PATIENCE_MS, pidsBelow, signalAll, someDoNotDie } from './processes.ts';
import { ForkCounter, watchForks } from './refused-forks.ts';
import { readStats, V2_STATS } from './stats.ts';
import { plainTaskPath } from './task-groups.ts';

/** Controllers that add to the statistics where they are to be had. */
const WANTED = ['cpu', 'io'] as const;

const FREEZE_PATIENCE_MS = 2_000;
/** How long dying is watched before the next round of signals, on kernels without cgroup.kill. */
const ROUND_MS = 200;

export class CgroupsV2 implements Cgroups {
  readonly version = 2;
  /** memory.events adds up; pids.events does since 6.11. */
  readonly lostWithGroups = ['pids_failures'] as const;
  readonly #countsSwap: boolean;
  readonly #hierarchy: Hierarchy;
  readonly events: PerfEvents;
  /** Groups that were made only as parents, by us. */
  readonly parents = new Set<string>();

  /** @param events what limits on performance count */
  constructor(hierarchy: Hierarchy, events: PerfEvents = HARDWARE) {
    this.#hierarchy = hierarchy;
    this.events = events;
    // The topmost group has no limits of its own, so whether swap is counted shows only below.
    const anyGroup = groupsIn(hierarchy.directory).map((name) =>
      path.join(hierarchy.directory, name, 'memory.swap.max'),
    );
    this.#countsSwap = anyGroup.length === 0 || anyGroup.some((file) => readFile(file) !== undefined);
  }

  whyNotKept(name: LimitName): string | undefined {
    if (isCounted(name)) return whyNotCounted(this.root, this.events[name]);
    return whyNotWritten(V2_LIMITS, name, this.#countsSwap);
  }

  get root(): string {
    return this.#hierarchy.directory;
  }

  taskPath(run: string): string {
    return plainTaskPath(run);
  }

  parentFor(groupPath: string): string {
    return groupPath;
  }

  create(groupPath: string): Group {
    makeWithParents(groupPath, () => {
      let parent = this.root;
      for (const part of pathAndParents(groupPath)) {
        enable(parent);
        parent = this.directory(part);
        if (makeGroup(parent) && part !== groupPath) this.parents.add(part);
      }
    });
    this.parents.delete(groupPath);
    return this.open(groupPath);
  }

  open(groupPath: string): Group {
    return new GroupV2(groupPath, this);
  }

  pathOf(pid: number): string | undefined {
    const groups = groupsOf(pid);
    return groups === undefined ? undefined : pathInHierarchy(groups, this.#hierarchy);
  }

  children(groupPath: string): string[] {
    return groupsIn(this.directory(groupPath)).map((name) => path.join(groupPath, name));
  }

  placementOf(pid: number): Placement | undefined {
    const groupPath = this.pathOf(pid);
    return groupPath === undefined ? undefined : { unified: groupPath };
  }

  putBack(pid: number, placement: Placement): void {
    for (const groupPath of Object.values(placement)) moveIntoLeaf(this.directory(groupPath), pid);
  }

  directory(groupPath: string): string {
    return path.join(this.root, groupPath);
  }
}

/** Enables the controllers for the groups below a directory. @throws GridError `node-unfit` */
function enable(directory: string): void {
  const control = path.join(directory, 'cgroup.subtree_control');
  const enabled = new Set(readFile(control)?.split(' '));
  enableNeeded(directory, control, enabled);
  const offered = new Set(readFile(path.join(directory, 'cgroup.controllers'))?.split(' '));
  for (const name of WANTED) if (offered.has(name) && !enabled.has(name)) enableWanted(control, name);
}

function enableWanted(control: string, name: string): void {
  try {
    writeFile(control, `+${name}`);
  } catch (thrown) {
    // cpu: programs with real-time priority are in a group below. Then what it would tell is absent.
    if (errorCode(thrown) !== 'EINVAL' && errorCode(thrown) !== 'EBUSY') throw thrown;
  }
}

/** @throws GridError `node-unfit` */
function enableNeeded(directory: string, control: string, enabled: ReadonlySet<string>): void {
  const missing = NEEDED_OF_V2.filter((name) => !enabled.has(name)).map((name) => `+${name}`);
  if (missing.length === 0) return;
  // In one write: cpuset alone would turn a group with processes into one of threads, which memory cannot be in.
  const text = missing.join(' ');
  try {
    writeWithRoom(directory, control, text);
  } catch (cause) {
    // A parent that is gone meanwhile is made again by whoever called.
    if (errorCode(cause) === 'ENOENT' && !groupExists(directory)) throw cause;
    const why = WHY[errorCode(cause)] ?? WHY.other;
    throw new GridError('node-unfit', `${why} Try, as root: echo "${text}" > ${control}`, { cause });
  }
}

const WHY: Record<string, string> & { other: string } = {
  EBUSY:
    'A control group with processes of its own cannot have limited groups below; move its processes to a group below.',
  ENOENT: 'A control group controller is not there: the group above does not hand it down, or a v1 mount holds it.',
  other: 'A control group controller cannot be enabled.',
};

export class GroupV2 implements Group {
  readonly path: string;
  readonly #directory: string;
  readonly #cgroups: CgroupsV2;
  protected readonly files: GroupFiles;
  readonly #forks = new ForkCounter();
  readonly #perf: PerfCounters;

  constructor(groupPath: string, cgroups: CgroupsV2) {
    this.path = groupPath;
    this.#perf = new PerfCounters(cgroups.events, () => this.#directory);
    this.#cgroups = cgroups;
    this.#directory = cgroups.directory(groupPath);
    this.files = new GroupFiles(() => this.#directory);
  }

  limit(limits: Limits, cpuSet?: readonly number[]): void {
    for (const name of COUNTED) if (limits[name] !== undefined) this.#perf.start(name);
    writeLimits(V2_LIMITS, this.files, limits, cpuSet);
  }

  cpusAbove(): number[] {
    return cpusAbove(this.files, 2);
  }

  enter(pid: number): void {
    moveIntoLeaf(this.#directory, pid);
  }

  read(names: readonly StatName[] = STAT_NAMES): Stats {
    const stats = readStats(V2_STATS, this.files, names);
    if (stats.pids_failures !== undefined) stats.pids_failures = this.refusedForks();
    return { ...stats, ...this.#perf.read() };
  }

  refusedForks(): number {
    return this.#forks.count(this.files);
  }

  watchForks(heard: () => void): () => void {
    return watchForks(this.files, heard);
  }

  processes(): number[] {
    return pidsBelow(this.#directory);
  }

  #isEmpty(): boolean {
    return this.files.key('cgroup.events', 'populated') !== 1;
  }

  async freeze(): Promise<void> {
    this.files.write('cgroup.freeze', 1);
    if (await until(() => this.files.key('cgroup.events', 'frozen') === 1, FREEZE_PATIENCE_MS)) return;
    await this.thaw();
    throw new GridError('node-unfit', `The group ${this.path} cannot be frozen: a process hangs in the kernel.`);
  }

  async thaw(): Promise<void> {
    if (this.exists()) this.files.write('cgroup.freeze', 0);
  }

  async kill(): Promise<void> {
    const deadline = performance.now() + DEATH_PATIENCE_MS;
    while (!this.#isEmpty()) {
      if (performance.now() > deadline) throw someDoNotDie(this.path, this.processes());
      this.#killOnce();
      await until(() => this.#isEmpty(), ROUND_MS);
    }
    await this.thaw();
  }

  /** cgroup.kill came with 5.14. Before, freezing keeps all from forking, and on v2 frozen processes die. */
  #killOnce(): void {
    try {
      this.files.write('cgroup.kill', 1);
    } catch (thrown) {
      if (errorCode(thrown) !== 'ENOENT' || !this.exists()) throw thrown;
      this.files.write('cgroup.freeze', 1);
      signalAll(this.#directory);
    }
  }

  async remove(): Promise<void> {
    this.#perf.close();
    if (this.exists()) await this.kill();
    await removeTree(this.#directory);
    removeEmptyParents(this.#cgroups.root, this.path, this.#cgroups.parents);
  }

  exists(): boolean {
    return groupExists(this.#directory);
  }
}
