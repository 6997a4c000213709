/**
 * A row per limit: who writes it, for each version of control groups. `elsewhere` is kept by others: the clock of
 * whoever watches, the container engine, the disk. `counted` has no file: the group counts it, and whoever watches ends
 * what is over it. `unknown` is what no kernel of that version has.
 */
import { GridError, LIMIT_NAMES, type LimitName, type Limits, parseCpuList, printCpuList } from '@kolejka/protocol';
import { errorCode, readFile } from './files.ts';
import type { GroupFiles } from './group-files.ts';

/** Writes the limits of its row. Several rows may name one writer: it is called once and sees all limits. */
type Writer = (files: GroupFiles, limits: Limits, cpuSet?: readonly number[]) => void;

const ELSEWHERE = {
  network: 'elsewhere',
  storage: 'elsewhere',
  image: 'elsewhere',
  workspace: 'elsewhere',
  time: 'elsewhere',
  gpus: 'elsewhere',
  gpus_offset: 'elsewhere',
  gpu_memory: 'elsewhere',
  perf_instructions: 'counted',
  perf_cycles: 'counted',
} as const satisfies Partial<LimitTable>;

export const V1_LIMITS = {
  cpus: limitCpus(1),
  cpus_offset: 'cpus',
  memory: limitMemoryV1,
  swap: 'memory',
  pids: limitPids,
  cgroup_depth: 'unknown',
  cgroup_descendants: 'unknown',
  ...ELSEWHERE,
} as const satisfies LimitTable;

export const V2_LIMITS = {
  cpus: limitCpus(2),
  cpus_offset: 'cpus',
  memory: limitMemoryV2,
  swap: 'memory',
  pids: limitPids,
  cgroup_depth: (files, { cgroup_depth: depth }) => files.write('cgroup.max.depth', depth ?? 'max'),
  cgroup_descendants: (files, { cgroup_descendants: most }) => files.write('cgroup.max.descendants', most ?? 'max'),
  ...ELSEWHERE,
} as const satisfies LimitTable;

/** A writer, the name of the row that writes this limit too, or who else. */
export type LimitTable = Record<LimitName, Writer | 'cpus' | 'memory' | 'elsewhere' | 'counted' | 'unknown'>;

/** Why files cannot keep a limit here. @param countsSwap whether the kernel does */
export function whyNotWritten(table: LimitTable, name: LimitName, countsSwap: boolean): string | undefined {
  if (table[name] === 'elsewhere') return 'it is none of control groups';
  if (table[name] === 'unknown') return 'control groups v1 have no such limit';
  return name === 'swap' && !countsSwap && hasSwap() ? UNCOUNTED_SWAP : undefined;
}

const UNCOUNTED_SWAP = 'its kernel does not count swap (boot it with swapaccount=1)';

/**
 * Writes the given limits that the table keeps.
 * @param cpuSet numbers of the CPUs, in place of the count and the place that the limits say
 * @throws GridError `limit-not-kept`
 */
export function writeLimits(table: LimitTable, files: GroupFiles, limits: Limits, cpuSet?: readonly number[]): void {
  const done = new Set<Writer>();
  for (const name of LIMIT_NAMES) {
    const row = table[name];
    const writer = row === 'cpus' || row === 'memory' ? table[row] : row;
    if (limits[name] === undefined || typeof writer === 'string' || done.has(writer)) continue;
    done.add(writer);
    try {
      writer(files, limits, cpuSet);
    } catch (thrown) {
      if (thrown instanceof GridError) throw thrown;
      throw notKept(name, `the kernel refuses ${String(limits[name])} (${errorCode(thrown)})`, thrown);
    }
  }
}

function notKept(name: LimitName, why: string, cause?: unknown): GridError {
  return new GridError('limit-not-kept', `limits.${name}: this node cannot keep it: ${why}.`, {
    field: `limits.${name}`,
    cause,
  });
}

const EFFECTIVE_CPUS = { 1: 'cpuset.effective_cpus', 2: 'cpuset.cpus.effective' } as const;

/** The CPUs of the group above. */
export function cpusAbove(files: GroupFiles, version: 1 | 2): number[] {
  return parseCpuList(files.parent().text(EFFECTIVE_CPUS[version]) ?? '');
}

function limitCpus(version: 1 | 2): Writer {
  return (files, limits, cpuSet) => {
    const parent = cpusAbove(files, version);
    files.write('cpuset.cpus', printCpuList(cpuSet === undefined ? block(parent, limits) : checkSet(parent, cpuSet)));
  };
}

/** The CPUs of the group above from the offset on. */
function block(parent: readonly number[], { cpus, cpus_offset: offset = 0 }: Limits): readonly number[] {
  const chosen = parent.slice(offset, cpus === undefined ? undefined : offset + cpus);
  if (chosen.length === 0 || chosen.length < (cpus ?? 0)) {
    throw notKept('cpus', `CPUs ${offset} to ${offset + Math.max(cpus ?? 1, 1) - 1} are asked of ${parent.length}`);
  }
  return chosen;
}

/** The kernel of v2 takes a CPU that is not there, and leaves it out without a word. */
function checkSet(parent: readonly number[], cpuSet: readonly number[]): readonly number[] {
  if (cpuSet.length === 0) throw notKept('cpus', 'a set of no CPU is asked for');
  const missing = cpuSet.filter((cpu) => !parent.includes(cpu));
  if (missing.length > 0) throw notKept('cpus', `CPU ${printCpuList(missing)} is asked for of ${printCpuList(parent)}`);
  return cpuSet;
}

function limitPids(files: GroupFiles, { pids }: Limits): void {
  files.write('pids.max', pids ?? 'max');
}

/**
 * The kernel refuses memory above memory + swap at every moment, so the order depends on the direction. Without any
 * swap the two are one; then the limit on both stays off, for what is refused by it is in no failcnt (seen on 6.18).
 */
function limitMemoryV1(files: GroupFiles, { memory, swap }: Limits): void {
  const file = 'memory.memsw.limit_in_bytes';
  const before = files.number(file);
  if (swap !== undefined && hasSwap()) {
    if (memory === undefined) throw notKept('swap', 'it takes a memory limit beside it');
    if (before === undefined) throw notKept('swap', UNCOUNTED_SWAP);
  }
  if (memory === undefined) return;
  const both = swap === undefined || !hasSwap() ? Infinity : memory + swap;
  const raising = both >= (before ?? Infinity);
  if (before !== undefined && raising) files.write(file, both === Infinity ? -1 : both);
  files.write('memory.limit_in_bytes', memory);
  if (before !== undefined && !raising) files.write(file, both);
}

function limitMemoryV2(files: GroupFiles, { memory, swap }: Limits): void {
  if (swap !== undefined) {
    if (files.has('memory.swap.max')) files.write('memory.swap.max', swap);
    else if (hasSwap()) throw notKept('swap', UNCOUNTED_SWAP);
  }
  if (memory !== undefined) files.write('memory.max', memory);
}

/** A machine without swap keeps every limit on it. */
function hasSwap(): boolean {
  return !/^SwapTotal:\s+0 kB$/m.test(readFile('/proc/meminfo') ?? '');
}
