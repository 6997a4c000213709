/**
 * Limits of a session. Each is kept for itself: the original's programs do not look whether all were, and a program that
 * is to be held must not run without any because one cannot be kept.
 */
import { GridError, LIMIT_NAMES, type LimitName, type Limits } from '@kolejka/protocol';
import type { Group } from './cgroup/index.ts';
import { chooseFirst, type CpuBlock } from './cpu-block.ts';

/** Limits that are written together, in this order. */
const TOGETHER: readonly (readonly LimitName[])[] = [
  ['memory', 'swap'],
  ['pids'],
  ['perf_instructions'],
  ['perf_cycles'],
];

/** Kept by whoever looks after the sessions: by a clock, and by counting the sessions below. */
const BY_US: readonly LimitName[] = ['time', 'cgroup_depth', 'cgroup_descendants'];

/** Those, and one of which the writer knows better why it cannot be kept. */
const OURS: ReadonlySet<LimitName> = new Set<LimitName>([...BY_US, 'swap']);

const CPUS: readonly LimitName[] = ['cpus', 'cpus_offset'];

export interface Limited {
  /** All limits that hold now. */
  kept: Limits;
  cpus: CpuBlock | undefined;
  /** Why one of the limits that were asked does not hold. */
  failure: GridError | undefined;
}

interface Limiting {
  group: Group;
  /** Why groups of this machine cannot keep a limit; undefined when they can. */
  whyNotKept: (name: LimitName) => string | undefined;
  /** Those that hold already. */
  before: Limits;
  asked: Limits;
  /** CPUs of sessions beside it. */
  taken: readonly CpuBlock[];
}

/** Writes the limits of a group. */
export function limitGroup({ group, whyNotKept, before, asked, taken }: Limiting): Limited {
  const all: Limits = { ...before, ...asked };
  const kept: Limits = { ...before, ...pick(asked, BY_US) };
  const failures: unknown[] = [];
  let cpus: CpuBlock | undefined;
  const attempt = (names: readonly LimitName[], write: (limits: Limits) => void) => {
    if (!names.some((name) => asked[name] !== undefined)) return;
    try {
      write(pick(all, names));
      Object.assign(kept, pick(all, names));
    } catch (thrown) {
      failures.push(thrown);
    }
  };
  for (const names of TOGETHER) attempt(names, (limits) => group.limit(limits));
  attempt(CPUS, (limits) => {
    cpus = limitCpus(group, limits, taken);
  });
  const foreign = LIMIT_NAMES.find(
    (name) => asked[name] !== undefined && !OURS.has(name) && whyNotKept(name) !== undefined,
  );
  if (foreign !== undefined) failures.push(notKept(foreign));
  return { kept, cpus, failure: asRefusal(failures[0]) };
}

/** As many CPUs as the group above has, at most: who asks for more gets all, as in the original. */
function limitCpus(group: Group, { cpus, cpus_offset: offset }: Limits, taken: readonly CpuBlock[]): CpuBlock {
  const available = group.cpusAbove().length;
  const count = Math.min(cpus ?? available - (offset ?? 0), available);
  const first = chooseFirst({ available, count, offset, taken });
  group.limit({ cpus: count, cpus_offset: first });
  return [first, count];
}

function pick(limits: Limits, names: readonly LimitName[]): Limits {
  return Object.fromEntries(names.flatMap((name) => (limits[name] === undefined ? [] : [[name, limits[name]]])));
}

function notKept(name: LimitName): GridError {
  const field = `limits.${name}`;
  return new GridError('limit-not-kept', `${field}: a session on this node cannot keep it.`, { field });
}

function asRefusal(thrown: unknown): GridError | undefined {
  if (thrown === undefined || thrown instanceof GridError) return thrown;
  throw thrown;
}
