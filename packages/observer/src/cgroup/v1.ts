/** cgroup v1: each controller is a hierarchy of its own, and one path names a group in all of them. */
import path from 'node:path';
import { GridError, type LimitName, type Limits, STAT_NAMES, type StatName, type Stats } from '@kolejka/protocol';
import type { Cgroups, Group, Placement } from './cgroups.ts';
import { canWrite, groupExists, groupsIn, makeGroup, readFile, subtree, writeFile } from './files.ts';
import { GroupFiles } from './group-files.ts';
import { cpusAbove, V1_LIMITS, whyNotWritten, writeLimits } from './limits.ts';
import { makeWithParents, pathAndParents, removeEmptyParents, removeTree } from './making.ts';
import { groupsOf, type Hierarchy, pathInHierarchy } from './mounts.ts';
import { OomNotices } from './oom-notices.ts';
import { until } from './patience.ts';
import { COUNTED, HARDWARE, isCounted, PerfCounters, type PerfEvents, whyNotCounted } from './perf-counters.ts';
import { DEATH_PATIENCE_MS, moveInto, pidsBelow, signalAll, someDoNotDie } from './processes.ts';
import { ForkCounter, watchForks } from './refused-forks.ts';
import { isBesideUnified } from './stat-files.ts';
import { reachedOwnLimit, readStats, V1_STATS } from './stats.ts';
import { plainTaskPath } from './task-groups.ts';

/**
 * Controllers that limits and statistics need. Others are left alone: a process that moves to a session stays in the
 * device group of its container, and so cannot reach more devices than before.
 */
const NEEDED = ['cpuacct', 'cpuset', 'freezer', 'memory', 'pids'] as const;
/** Controllers that add to the statistics where they are mounted. */
const WANTED = ['blkio', 'cpu', 'perf_event'] as const;
/** Name for the hierarchy of v2 that may stand beside those of v1. */
const UNIFIED = 'unified';

/** How long a freeze may take, once for a caller and once for each round of killing. */
const FREEZE_PATIENCE_MS = 2_000;
const FREEZE_TO_KILL_PATIENCE_MS = 100;
/** How long the dying of frozen and killed processes is watched before the next round. */
const ROUND_MS = 200;

export class CgroupsV1 implements Cgroups {
  readonly version = 1;
  readonly lostWithGroups = ['memory_oom_kills', 'pids_failures'] as const;
  readonly #hierarchies: readonly Hierarchy[];
  readonly #used: ReadonlyMap<string, Hierarchy>;
  readonly #countsSwap: boolean;
  readonly events: PerfEvents;
  /** Groups that were made only as parents, by us. */
  readonly parents = new Set<string>();

  /**
   * @param events what limits on performance count
   * @throws GridError `node-unfit` naming a missing controller
   */
  constructor(hierarchies: readonly Hierarchy[], events: PerfEvents = HARDWARE) {
    this.#hierarchies = hierarchies;
    this.#used = new Map([
      ...NEEDED.map((name) => [name, hierarchyOf(name, hierarchies)] as const),
      ...wantedHierarchies(hierarchies),
    ]);
    this.#countsSwap = new GroupFiles((name) => this.directory('/', name)).has('memory.memsw.limit_in_bytes');
    this.events = events;
  }

  whyNotKept(name: LimitName): string | undefined {
    if (isCounted(name)) return whyNotCounted(this.perfDirectory('/'), this.events[name]);
    return whyNotWritten(V1_LIMITS, name, this.#countsSwap);
  }

  /** Where a group can be counted: perf_event is in the hierarchy of v2 unless it is mounted as v1. */
  perfDirectory(groupPath: string): string | undefined {
    const name = this.hasOwnPerf ? 'perf_event' : UNIFIED;
    return this.#used.has(name) ? this.directory(groupPath, name) : undefined;
  }

  get hasOwnPerf(): boolean {
    return this.#used.has('perf_event');
  }

  taskPath(run: string): string {
    return plainTaskPath(run);
  }

  parentFor(groupPath: string): string {
    return groupPath;
  }

  create(groupPath: string): Group {
    makeWithParents(groupPath, () => {
      // Mostly all parents are there.
      const isParentThere = this.directories(path.dirname(groupPath)).every(groupExists);
      for (const part of isParentThere ? [groupPath] : pathAndParents(groupPath)) {
        const isNew = this.directories(part).map(makeGroup).includes(true);
        if (isNew) this.#prepare(part);
        if (isNew && part !== groupPath) this.parents.add(part);
      }
    });
    this.parents.delete(groupPath);
    return this.open(groupPath);
  }

  /** A new cpuset is empty and takes no process; the memory of groups below counts only where use_hierarchy says so. */
  #prepare(groupPath: string): void {
    const files = new GroupFiles((name) => this.directory(groupPath, name));
    for (const file of ['cpuset.mems', 'cpuset.cpus']) {
      if (files.text(file) === '') files.write(file, files.parent().text(file) ?? '');
    }
    // Always 1 since kernel 5.11.
    if (files.text('memory.use_hierarchy') === '0') files.write('memory.use_hierarchy', 1);
  }

  open(groupPath: string): Group {
    return new GroupV1(groupPath, this);
  }

  pathOf(pid: number): string | undefined {
    return this.#placesOf(pid, ['pids'])?.['pids'];
  }

  children(groupPath: string): string[] {
    return groupsIn(this.directory(groupPath, 'pids')).map((name) => path.join(groupPath, name));
  }

  placementOf(pid: number): Placement | undefined {
    return this.#placesOf(pid, [...this.#used.keys()]);
  }

  #placesOf(pid: number, controllers: readonly string[]): Placement | undefined {
    const groups = groupsOf(pid);
    if (groups === undefined) return undefined;
    const places: Record<string, string> = {};
    for (const name of controllers) {
      const hierarchy = this.#used.get(name);
      const place = hierarchy && pathInHierarchy(groups, hierarchy, name === UNIFIED ? undefined : name);
      if (place === undefined) return undefined;
      places[name] = place;
    }
    return places;
  }

  putBack(pid: number, placement: Placement): void {
    for (const [name, groupPath] of Object.entries(placement)) moveInto(this.directory(groupPath, name), pid);
  }

  /** Directory of a group in the hierarchy of a controller. */
  directory(groupPath: string, controller: string): string {
    return `${this.#used.get(controller)?.directory ?? NOWHERE}${groupPath === '/' ? '' : groupPath}`;
  }

  /** Directories of a group in all hierarchies that we use. */
  directories(groupPath: string): string[] {
    return [...new Set([...this.#used.keys()].map((name) => this.directory(groupPath, name)))];
  }

  /** Roots of all hierarchies: the container engine makes groups in those we do not use, too. */
  roots(): string[] {
    return this.#hierarchies.map(({ directory }) => directory);
  }
}

/** A path that cannot be: reads as absent. */
const NOWHERE = '/proc/self/no-such-controller';

function wantedHierarchies(hierarchies: readonly Hierarchy[]): [string, Hierarchy][] {
  return hierarchies
    .filter(({ directory }) => canWrite(directory))
    .flatMap((hierarchy): [string, Hierarchy][] => {
      if (hierarchy.version === 2) return [[UNIFIED, hierarchy]];
      return WANTED.filter((name) => hierarchy.controllers.includes(name)).map((name) => [name, hierarchy]);
    });
}

function hierarchyOf(name: string, hierarchies: readonly Hierarchy[]): Hierarchy {
  const found = hierarchies.find(({ controllers }) => controllers.includes(name));
  if (found !== undefined) return found;
  const place = `/sys/fs/cgroup/${name}`;
  throw new GridError(
    'node-unfit',
    `The control group controller "${name}" is not mounted; as root: mkdir -p ${place} && mount -t cgroup -o ${name} ${name} ${place}`,
  );
}

class GroupV1 implements Group {
  readonly path: string;
  readonly #cgroups: CgroupsV1;
  readonly #files: GroupFiles;
  readonly #forks = new ForkCounter();
  readonly #perf: PerfCounters;
  #notices: OomNotices | undefined;

  constructor(groupPath: string, cgroups: CgroupsV1) {
    this.path = groupPath;
    this.#cgroups = cgroups;
    this.#files = new GroupFiles((controller) => cgroups.directory(groupPath, controller));
    this.#perf = new PerfCounters(cgroups.events, () => cgroups.perfDirectory(groupPath));
  }

  limit(limits: Limits, cpuSet?: readonly number[]): void {
    // Only a group at a limit of its own runs out of memory; so before there is one, nobody has to listen.
    if (limits.memory !== undefined) {
      this.#notices ??= new OomNotices(
        this.#files.pathOf('memory.oom_control'),
        this.#cgroups.directory(this.path, 'memory') + '/cgroup.event_control',
      );
    }
    for (const name of COUNTED) if (limits[name] !== undefined) this.#perf.start(name);
    writeLimits(V1_LIMITS, this.#files, limits, cpuSet);
  }

  cpusAbove(): number[] {
    return cpusAbove(this.#files, 1);
  }

  /** In all hierarchies or in none: one of them may refuse. */
  enter(pid: number): void {
    const before = this.#cgroups.placementOf(pid);
    try {
      for (const directory of this.#cgroups.directories(this.path)) moveInto(directory, pid);
    } catch (thrown) {
      if (before !== undefined && this.#cgroups.placementOf(pid) !== undefined) this.#cgroups.putBack(pid, before);
      throw thrown;
    }
  }

  read(names: readonly StatName[] = STAT_NAMES): Stats {
    // Before the peak is read: who has heard a notice sees a peak at the limit.
    const notices = this.#notices?.count() ?? 0;
    const files = this.#files.once();
    const stats = readStats(V1_STATS, files, names);
    if (stats.pids_failures !== undefined) stats.pids_failures = this.#forks.count(files);
    // A group that never came to its own limit has heard of a limit above it: the kill, if it was here, is counted here.
    if (stats.memory_oom_kills !== undefined && reachedOwnLimit(files)) {
      stats.memory_oom_kills = Math.max(stats.memory_oom_kills, notices);
    }
    const isCountedHere = this.#cgroups.hasOwnPerf || !isBesideUnified(files);
    return { ...stats, ...(isCountedHere && this.#perf.read()) };
  }

  refusedForks(): number {
    return this.#forks.count(this.#files);
  }

  watchForks(heard: () => void): () => void {
    return watchForks(this.#files, heard);
  }

  processes(): number[] {
    return pidsBelow(this.#freezer);
  }

  get #freezer(): string {
    return this.#cgroups.directory(this.path, 'freezer');
  }

  async freeze(): Promise<void> {
    if (await this.#tryFreeze(FREEZE_PATIENCE_MS)) return;
    await this.thaw();
    throw new GridError('node-unfit', `The group ${this.path} cannot be frozen: a process hangs in the kernel.`);
  }

  /** The kernel tries to freeze what is not yet frozen when it is asked again. */
  async #tryFreeze(patienceMs: number): Promise<boolean> {
    return until(() => {
      this.#files.write('freezer.state', 'FROZEN');
      return this.#files.text('freezer.state') === 'FROZEN';
    }, patienceMs);
  }

  async thaw(): Promise<void> {
    if (this.exists()) this.#files.write('freezer.state', 'THAWED');
  }

  /** While all are frozen nobody forks; SIGKILL waits for the thaw, and then nobody runs on. */
  async kill(): Promise<void> {
    const deadline = performance.now() + DEATH_PATIENCE_MS;
    while (this.processes().length > 0) {
      if (performance.now() > deadline) throw someDoNotDie(this.path, this.processes());
      await this.#tryFreeze(FREEZE_TO_KILL_PATIENCE_MS);
      signalAll(this.#freezer);
      this.#thawAll();
      await until(() => this.processes().length === 0, ROUND_MS);
    }
  }

  /** Groups below may have been frozen on their own. */
  #thawAll(): void {
    for (const directory of subtree(this.#freezer)) {
      const state = path.join(directory, 'freezer.state');
      if (readFile(state) !== undefined) writeFile(state, 'THAWED');
    }
  }

  async remove(): Promise<void> {
    this.#notices?.close();
    this.#notices = undefined;
    this.#perf.close();
    if (this.exists()) await this.kill();
    for (const root of this.#cgroups.roots()) await removeTree(path.join(root, this.path));
    for (const root of this.#cgroups.roots()) removeEmptyParents(root, this.path, this.#cgroups.parents);
  }

  exists(): boolean {
    return this.#cgroups.roots().some((root) => groupExists(path.join(root, this.path)));
  }
}
