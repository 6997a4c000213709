/**
 * Counts events of all processes of a group, those of groups below included, with the kernel's performance counters.
 *
 * One counter is opened on each CPU for the group (PERF_FLAG_PID_CGROUP), pinned, so that it counts all the time or says
 * that it could not: what is read is exact or absent. See perf_event_open(2). Node cannot call it, so it is called
 * directly.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { GridError, type Limits, parseCpuList, type Stats } from '@kolejka/protocol';
import { readFile } from './files.ts';

/** An event as perf_event_open(2) names it. */
export interface PerfEvent {
  type: number;
  config: number;
}

/** Measurements that counters give, which are names of limits as well. */
export const COUNTED = ['perf_instructions', 'perf_cycles'] as const;
export type Counted = (typeof COUNTED)[number];
export const isCounted = (name: string): name is Counted => (COUNTED as readonly string[]).includes(name);

/** Was more counted than the limits allow? */
export function isOverCount(stats: Stats, limits: Limits): boolean {
  return COUNTED.some((name) => (stats[name] ?? 0) > (limits[name] ?? Infinity));
}

export type PerfEvents = Readonly<Record<Counted, PerfEvent>>;

const PERF_TYPE_HARDWARE = 0;
const PERF_COUNT_HW_CPU_CYCLES = 0;
const PERF_COUNT_HW_INSTRUCTIONS = 1;

/** What the limits are about. Tests count other events where there is no hardware for these. */
export const HARDWARE: PerfEvents = {
  perf_instructions: { type: PERF_TYPE_HARDWARE, config: PERF_COUNT_HW_INSTRUCTIONS },
  perf_cycles: { type: PERF_TYPE_HARDWARE, config: PERF_COUNT_HW_CPU_CYCLES },
};

/** Number of the system call, by Node's name of the architecture. */
const SYSTEM_CALL: Partial<Record<NodeJS.Architecture, number>> = {
  x64: 298,
  arm64: 241,
  riscv64: 241,
  loong64: 241,
  ppc64: 319,
  s390x: 331,
};
const ENOSYS = 38;

const PERF_FLAG_PID_CGROUP = 1 << 2;
const PERF_FLAG_FD_CLOEXEC = 1 << 3;

/** struct perf_event_attr of the first version; numbers are in the machine's own order, which is little on all of ours. */
const ATTRIBUTES_SIZE = 64;
const PINNED = 1n << 2n;
const EXCLUDE_KERNEL = 1n << 5n;
const EXCLUDE_HYPERVISOR = 1n << 6n;

/** Descriptors of this process, so that groups of one task leave some for others. */
const MOST_DESCRIPTORS = 16_384;
let descriptors = 0;

interface Kernel {
  call: (number: number, attributes: Buffer, group: number, cpu: number, leader: number, flags: number) => number;
  errno: () => number;
}
let kernel: Kernel | undefined;

/** Loaded when first needed: mostly nobody asks for counters. */
function openKernel(): Kernel {
  if (kernel === undefined) {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const declaration =
      'long syscall(long number, void *attributes, int group, int cpu, int leader, unsigned long flags)';
    kernel = { call: koffi.load(null).func(declaration) as unknown as Kernel['call'], errno: () => koffi.errno() };
  }
  return kernel;
}

/** A descriptor that counts the event on one CPU, or the number of the error. */
function openCounter(
  group: number,
  cpu: number,
  { type, config }: PerfEvent,
): { descriptor: number } | { errno: number } {
  const attributes = Buffer.alloc(ATTRIBUTES_SIZE);
  attributes.writeUInt32LE(type, 0);
  attributes.writeUInt32LE(ATTRIBUTES_SIZE, 4);
  attributes.writeBigUInt64LE(BigInt(config), 8);
  attributes.writeBigUInt64LE(PINNED | EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR, 40);
  const number = SYSTEM_CALL[process.arch];
  if (number === undefined) return { errno: ENOSYS };
  const { call, errno } = openKernel();
  const descriptor = call(number, attributes, group, cpu, -1, PERF_FLAG_PID_CGROUP | PERF_FLAG_FD_CLOEXEC);
  return descriptor < 0 ? { errno: errno() } : { descriptor };
}

const NO_HARDWARE = 'its CPU has no counter for it, as in most virtual machines';
const NO_RIGHT = 'the kernel refuses counters to this user; run as root, outside containers';
const NO_GROUPS = 'its control groups cannot be counted; mount the cgroup v2 hierarchy, or perf_event on v1';
/** Why there is no counter, by the number of the error. */
const WHY: Readonly<Record<number, string>> = {
  1: NO_RIGHT,
  2: NO_HARDWARE,
  9: NO_GROUPS,
  13: NO_RIGHT,
  19: NO_HARDWARE,
  22: NO_GROUPS,
  24: 'too many files are open; raise the limit on open files (LimitNOFILE)',
  [ENOSYS]: 'its kernel has no performance counters',
  95: NO_HARDWARE,
};

/**
 * Why an event cannot be counted for groups here; undefined when it can.
 * @param directory of any group, in the hierarchy that has the controller perf_event
 */
export function whyNotCounted(directory: string | undefined, event: PerfEvent): string | undefined {
  try {
    new PerfCounter(directory, event).close();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof GridError) return thrown.message;
    throw thrown;
  }
}

/** One event of one group on all CPUs. */
class PerfCounter {
  readonly #descriptors: number[] = [];

  /** @throws GridError `limit-not-kept`, whose message is only the reason */
  constructor(directory: string | undefined, event: PerfEvent) {
    if (directory === undefined) throw new GridError('limit-not-kept', NO_GROUPS);
    const group = openSync(directory, 'r');
    try {
      for (const cpu of parseCpuList(readFile('/sys/devices/system/cpu/online') ?? '0')) {
        if (descriptors >= MOST_DESCRIPTORS) throw new GridError('limit-not-kept', 'too many groups are counted now');
        const opened = openCounter(group, cpu, event);
        if ('errno' in opened) {
          throw new GridError('limit-not-kept', WHY[opened.errno] ?? `the kernel refuses it (error ${opened.errno})`);
        }
        this.#descriptors.push(opened.descriptor);
        descriptors += 1;
      }
    } catch (thrown) {
      this.close();
      throw thrown;
    } finally {
      closeSync(group);
    }
  }

  /** Undefined when a counter could not stay on its CPU: other programs that count had them all. */
  read(): number | undefined {
    const count = Buffer.alloc(8);
    let total = 0n;
    for (const descriptor of this.#descriptors) {
      if (readSync(descriptor, count) < count.length) return undefined;
      total += count.readBigUInt64LE();
    }
    return Number(total);
  }

  close(): void {
    descriptors -= this.#descriptors.length;
    for (const descriptor of this.#descriptors.splice(0)) closeSync(descriptor);
  }
}

/** The counters of one group, each from the moment somebody has asked for it. */
export class PerfCounters {
  readonly #events: PerfEvents;
  readonly #directory: () => string | undefined;
  readonly #counters = new Map<Counted, PerfCounter>();

  /** @param directory of the group, in the hierarchy that has the controller perf_event */
  constructor(events: PerfEvents, directory: () => string | undefined) {
    this.#events = events;
    this.#directory = directory;
  }

  /** Counts from now on, unless it does already. @throws GridError `limit-not-kept` */
  start(name: Counted): void {
    if (this.#counters.has(name)) return;
    try {
      this.#counters.set(name, new PerfCounter(this.#directory(), this.#events[name]));
    } catch (thrown) {
      if (!(thrown instanceof GridError)) throw thrown;
      const field = `limits.${name}`;
      throw new GridError('limit-not-kept', `${field}: this node cannot keep it: ${thrown.message}.`, { field });
    }
  }

  /** What was counted; what nobody has asked for, or could not be counted, is absent. */
  read(): Stats {
    const stats: Stats = {};
    for (const [name, counter] of this.#counters) {
      const count = counter.read();
      if (count !== undefined) stats[name] = count;
    }
    return stats;
  }

  close(): void {
    for (const counter of this.#counters.values()) counter.close();
    this.#counters.clear();
  }
}
