/**
 * Control groups as the observer and the worker see them. cgroup v1, v2, and v2 with slices of systemd are three
 * implementations of these two interfaces, chosen once at start; nothing above them knows which.
 *
 * Groups are named by a path below the root of the hierarchy, `/kolejka/<run>`; on v1 that path exists in every
 * controller. Readings are exact or absent, never 0 for "cannot say".
 */
import type { LimitName, Limits, StatName, Stats } from '@kolejka/protocol';

/** Where a process is: controller → path of the group. On v1 controllers may differ. */
export type Placement = Readonly<Record<string, string>>;

/** The control groups of this machine. */
export interface Cgroups {
  readonly version: 1 | 2;
  /**
   * Measurements in which groups below that are gone count only for the Group object that was there then: whoever opens
   * a group that has had groups below cannot say them.
   */
  readonly lostWithGroups: readonly StatName[];
  /**
   * Why groups here cannot keep a limit, in words that follow "this node cannot keep it:"; undefined when they can.
   * Those of others (time, network, …) they do not keep anywhere.
   */
  whyNotKept(name: LimitName): string | undefined;
  /** Path of the task group of a run. @param run its id, without a dash */
  taskPath(run: string): string;
  /** A group as the container engine takes it for the parent of a container's. */
  parentFor(path: string): string;
  /**
   * Makes a group, and its parents, with all controllers that limits and statistics need.
   * @throws GridError `node-unfit` saying which controller is missing and what to do
   */
  create(path: string): Group;
  /** A group that is there already, made by us or by somebody else (a container's); nothing is checked. */
  open(path: string): Group;
  /** Path of the group a process is in, or undefined when the process is gone. */
  pathOf(pid: number): string | undefined;
  /** Paths of the groups directly below. */
  children(path: string): string[];
  /** Where a process is now, for `putBack`; undefined when it is gone. */
  placementOf(pid: number): Placement | undefined;
  /** Moves a process where it was. @throws GridError `foreign-process` when it is gone */
  putBack(pid: number, placement: Placement): void;
}

/** One group of processes, those of the groups below it included. */
export interface Group {
  readonly path: string;
  /**
   * Writes the ceilings that this kernel keeps by files: cpus with cpus_offset (as a set within the parent's), memory,
   * swap, pids, cgroup_depth, cgroup_descendants. Time is kept by whoever watches, and so are perf_instructions and
   * perf_cycles, which are counted from here on. Others are not looked at. What is not given stays as it was, but memory and swap are one, as are cpus and cpus_offset: give both in one call.
   * @param cpuSet numbers of the CPUs, of those of the group above; it holds in place of the limits that say how many and where
   * @throws GridError `limit-not-kept` naming a limit of those that cannot be kept here
   */
  limit(limits: Limits, cpuSet?: readonly number[]): void;
  /** The CPUs of the group above: a limit is a block of these, counted in this order. */
  cpusAbove(): number[];
  /** Moves a process in. @throws GridError `foreign-process` when it is gone */
  enter(pid: number): void;
  /**
   * All that can be read now: counters since the group was made, peaks, memory kills. No `time`, and no peak that
   * takes samples.
   *
   * On v1 kills in groups that are gone are counted only by the Group object that has set the memory limit: keep it
   * from `limit` to the last `read`.
   * @param names what is wanted, where all would be too dear
   */
  read(names?: readonly StatName[]): Stats;
  /**
   * How often a fork was refused in this group or one below it. Before kernel 6.11, and on v1, the refusals of a group
   * below go when it is removed: what an earlier call of this object saw of it is kept.
   */
  refusedForks(): number;
  /**
   * Calls back at each refused fork in this group and those that are below it now, soon enough to count it before a
   * group that is about to end is gone. Answers how to stop.
   */
  watchForks(heard: () => void): () => void;
  /** Pids of all processes, those of groups below included. */
  processes(): number[];
  freeze(): Promise<void>;
  /** Nothing when the group is gone. */
  thaw(): Promise<void>;
  /** Kills every process, forks under way included, and waits until none is left. @throws GridError `node-unfit` when some do not die */
  kill(): Promise<void>;
  /**
   * Kills what is left, removes the groups below, the group, and empty parents that `create` made on the way or that
   * all share (`/kolejka`); nothing when it is gone. Releases what the object holds, so it is to be called even then.
   */
  remove(): Promise<void>;
  exists(): boolean;
}
