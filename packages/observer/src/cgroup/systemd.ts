/**
 * Slices of systemd, asked for over D-Bus with its own program busctl.
 *
 * systemd writes what it knows of a slice whenever something begins or ends in it: so it must know the limits, or it
 * takes them back. See org.freedesktop.systemd1(5) and systemd.resource-control(5).
 */
import { execFileSync } from 'node:child_process';
import { GridError, parseCpuList } from '@kolejka/protocol';
import { errorCode } from './files.ts';
import type { GroupFiles } from './group-files.ts';

/** systemd answers in milliseconds; a machine that swaps takes seconds. */
const PATIENCE_MS = 30_000;
/** In D-Bus, the largest number stands for no limit. */
const NO_LIMIT = String(2n ** 64n - 1n);

/** A row per file that systemd writes as well: the property, with its type and value as busctl takes them. */
const PROPERTIES: Record<string, (text: string) => string[]> = {
  'memory.max': (text) => ['MemoryMax', 't', numberOrNoLimit(text)],
  'memory.swap.max': (text) => ['MemorySwapMax', 't', numberOrNoLimit(text)],
  'pids.max': (text) => ['TasksMax', 't', numberOrNoLimit(text)],
  'cpuset.cpus': (text) => ['AllowedCPUs', 'ay', ...bytesOfSet(parseCpuList(text))],
};

/**
 * Starts a slice, or leaves it as it is when it was started.
 * @param cpus those it may use; said from the start, so that systemd hands down the controller of cpusets
 * @throws GridError `node-unfit`
 */
export function startSlice(name: string, cpus: string): void {
  const properties = [
    ['Description', 's', 'A task of the kolejka grid'],
    ['MemoryAccounting', 'b', 'true'],
    ['TasksAccounting', 'b', 'true'],
    ['AllowedCPUs', 'ay', ...bytesOfSet(parseCpuList(cpus))],
  ];
  const list = [String(properties.length), ...properties.flat()];
  ask(/already loaded/i, 'StartTransientUnit', 'ssa(sv)a(sa(sv))', name, 'fail', ...list, '0');
}

/** Tells systemd the limits that the files of a slice say now. @throws GridError `node-unfit` */
export function tellLimits(name: string, files: GroupFiles): void {
  const properties = Object.entries(PROPERTIES).flatMap(([file, property]) => {
    const text = files.text(file);
    return text === undefined || text === '' ? [] : [property(text)];
  });
  ask(undefined, 'SetUnitProperties', 'sba(sv)', name, 'true', String(properties.length), ...properties.flat());
}

/** Makes systemd forget a slice; one that it does not know is fine. @throws GridError `node-unfit` */
export function stopSlice(name: string): void {
  ask(/not loaded/i, 'StopUnit', 'ss', name, 'fail');
}

/** @param fine what systemd may say without that being a failure */
function ask(fine: RegExp | undefined, method: string, ...args: string[]): void {
  const manager = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager'];
  try {
    execFileSync('busctl', ['call', ...manager, method, ...args], {
      timeout: PATIENCE_MS,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  } catch (cause) {
    const said = ((cause as { stderr?: string }).stderr ?? '').trim();
    if (fine?.test(said) === true) return;
    const why = said === '' ? errorCode(cause) : said;
    throw new GridError(
      'node-unfit',
      `systemd does not do ${method} (${why}): see that systemd and D-Bus run, that busctl is there, and that you are root.`,
      { cause },
    );
  }
}

function numberOrNoLimit(text: string): string {
  return text === 'max' ? NO_LIMIT : text;
}

/** A bit for each CPU, the lowest first, behind the number of bytes. */
export function bytesOfSet(cpus: readonly number[]): string[] {
  const bytes = Array.from({ length: Math.floor(Math.max(-1, ...cpus) / 8) + 1 }, () => 0);
  for (const cpu of cpus) bytes[cpu >> 3] = (bytes[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  return [String(bytes.length), ...bytes.map(String)];
}
