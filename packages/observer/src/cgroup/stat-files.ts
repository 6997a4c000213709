/** Files of statistics that take more than a number or a key to read. */
import type { GroupFiles } from './group-files.ts';

/** More groups below are not looked at: it is done often, and the kernel writes dozens of lines for each. */
const MOST_BELOW = 16;

/**
 * Memory without page cache: the sum of some keys of memory.stat; undefined where the kernel lacks one of them.
 *
 * The kernel adds up what the CPUs have counted only when enough has changed, and forgets to note the change of a group
 * above when a change below comes while it adds up (memcg_rstat_updated stops at the first group that is noted already;
 * seen on a busy 6.18: a third of 80 MB for seconds). So what the groups below say themselves is looked at, too.
 */
export function programMemory(files: GroupFiles, keys: readonly string[]): number | undefined {
  const own = sumOfKeys(files, keys);
  const groups = files.below('memory.stat');
  if (own === undefined || groups.length > MOST_BELOW) return own;
  return Math.max(own, sum(groups.map((group) => sumOfKeys(group, keys) ?? 0)) ?? 0);
}

function sumOfKeys(files: GroupFiles, keys: readonly string[]): number | undefined {
  return sum(keys.map((key) => files.key('memory.stat', key)));
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce((all: number | undefined, value) => add(all, value), 0);
}

function add(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one + other;
}

/** Since Linux 6.6 `.local` has the quotas of groups above as well, and is there on both versions. */
export function throttled(files: GroupFiles, key: string): number | undefined {
  return files.key('cpu.stat.local', key) ?? files.key('cpu.stat', key);
}

/** USER_HZ, in which the kernel tells user space its ticks: 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/**
 * User or system time on v1, in milliseconds. The files have what the ticks saw, in nanoseconds since 4.8; a busy machine
 * has ticks for others. So they only say how the exact total is divided, as the kernel does it on v2 (cputime_adjust).
 */
export function v1CpuTime(files: GroupFiles, which: 'user' | 'system'): number | undefined {
  const total = files.number('cpuacct.usage');
  const user = files.number('cpuacct.usage_user') ?? v1Ticks(files, 'user');
  const system = files.number('cpuacct.usage_sys') ?? v1Ticks(files, 'system');
  if (total === undefined || user === undefined || system === undefined) return undefined;
  // No tick has seen it: as in the kernel, that is user time.
  const userShare = user + system === 0 ? 1 : user / (user + system);
  return (total / 1e6) * (which === 'user' ? userShare : 1 - userShare);
}

function v1Ticks(files: GroupFiles, key: string): number | undefined {
  const ticks = files.key('cpuacct.stat', key);
  return ticks === undefined ? undefined : ticks * TICK_MS * 1e6;
}

/**
 * Lines such as `253:0 Read 4096`, one for each device that was used, and kind.
 *
 * Since 6.10 the kernel counts only on devices that somebody throttles (blk_throtl_activated), and says 0 for others.
 * Where it has never counted anything, not even for the topmost group, that is no measurement.
 */
export function v1Io(files: GroupFiles, what: 'bytes' | 'operations', kind: string): number | undefined {
  if (!countsIo(files)) return undefined;
  const lines = files
    .text(V1_IO[what])
    ?.split('\n')
    .map((line) => line.split(' '));
  return lines && sum(lines.filter(([, name]) => name === kind).map(([, , value]) => Number(value)));
}

const V1_IO = {
  bytes: 'blkio.throttle.io_service_bytes_recursive',
  operations: 'blkio.throttle.io_serviced_recursive',
} as const;

/** Both files are of one and the same counting. */
function countsIo(files: GroupFiles): boolean {
  const text = files.text(V1_IO.bytes);
  return text !== undefined && (/^\d+:\d+ /m.test(text) || countsIo(files.parent()));
}

/** Lines such as `253:0 rbytes=4096 wbytes=0 rios=1 …`, one for each device; some have no fields yet. */
export function v2Io(files: GroupFiles, key: string): number | undefined {
  const fields = files
    .text('io.stat')
    ?.split(/\s+/)
    .map((field) => field.split('='));
  return fields && sum(fields.filter(([name]) => name === key).map(([, value]) => Number(value)));
}

/** Milliseconds out of lines such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=16207`, in microseconds. */
export function pressure(files: GroupFiles, what: string, kind: 'some' | 'full'): number | undefined {
  const text = files.text(`${what}.pressure`);
  const [, total] = new RegExp(`^${kind} .*total=(\\d+)$`, 'm').exec(text ?? '') ?? [];
  return total === undefined ? undefined : Number(total) / 1e3;
}

/** Pressure on v1, where the hierarchy of v2 stands beside. */
export function v1Pressure(files: GroupFiles, what: string, kind: 'some' | 'full'): number | undefined {
  return isBesideUnified(files) ? undefined : pressure(files.in('unified'), what, kind);
}

/**
 * On v1 not every container engine puts its containers into the hierarchy of v2 beside. When the group has used CPU time
 * and nothing of it was there, what that hierarchy says is of nobody.
 */
export function isBesideUnified(files: GroupFiles): boolean {
  return (files.number('cpuacct.usage') ?? 0) > 0 && files.in('unified').key('cpu.stat', 'usage_usec') === 0;
}
