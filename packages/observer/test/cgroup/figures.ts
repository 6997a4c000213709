/** Facts about what groups measure beside CPU time, memory and processes: see facts.ts. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GridError, type StatName, STATS } from '@kolejka/protocol';
import { type Group, openCgroups } from '../../src/cgroup/index.ts';
import { readHierarchies } from '../../src/cgroup/mounts.ts';
import type { PerfEvents } from '../../src/cgroup/perf-counters.ts';
import type { Fact } from './facts.ts';

const MEGABYTE = 1024 * 1024;
/** Generous: a condition that does not come true on a very slow machine by then never does. */
const PATIENCE_MS = 20_000;

/** PERF_TYPE_SOFTWARE with PERF_COUNT_SW_PAGE_FAULTS and PERF_COUNT_SW_TASK_CLOCK, in nanoseconds: there on every machine. */
export const SOFTWARE: PerfEvents = {
  perf_instructions: { type: 1, config: 2 },
  perf_cycles: { type: 1, config: 1 },
};

/** Files of a group with this name, in whichever hierarchies have it. */
function filesOf(groupPath: string, file: string): string[] {
  return readHierarchies()
    .map(({ directory }) => path.join(directory, groupPath, file))
    .filter((each) => existsSync(each));
}

async function readsUntil(group: Group, name: StatName, isSo: (value: number) => boolean): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = group.read()[name];
    if (value !== undefined && isSo(value)) return value;
    assert.ok(performance.now() < deadline, `${name} is ${value} at last`);
    await sleep(20);
  }
}

export const FIGURES: Record<string, Fact> = {
  async 'each measurement comes from the kernel file that the table names'({ cgroups, path: place, start }) {
    const group = cgroups.create(place);
    const burning = start('burn');
    group.enter(burning.pid);
    await burning.heard(1);
    const read = Object.keys(group.read()).filter((name): name is StatName => name !== 'cpus');
    for (const name of ['cpu_usage', 'memory_usage', 'memory_program', 'pids_usage'] as const) {
      assert.ok(read.includes(name), `${name} is absent`);
    }
    for (const name of read) {
      const [file = ''] = (STATS[name][`v${cgroups.version}`] ?? '').split(' ');
      // Before 6.6 the time is in the other file, as the page says.
      const named = file === 'cpu.stat.local' ? [file, 'cpu.stat'] : [file];
      assert.ok(
        named.some((each) => filesOf(place, each).length > 0),
        `${name}: no group has a file ${file}`,
      );
    }
  },

  async 'memory without page cache is that of the program, which is in a group below'({ cgroups, path: place, start }) {
    const group = cgroups.create(place);
    const holding = start('hold40');
    await holding.heard(1);
    cgroups.create(`${place}/below`).enter(holding.pid);
    const { memory_program: before = -1 } = group.read();
    holding.go();
    await holding.heard(1);
    const { memory_program: after = -1, memory_usage: usage = -1 } = group.read();
    assert.ok(Math.abs(after - before - 40 * MEGABYTE) < 2 * MEGABYTE, `${before} bytes before, ${after} after`);
    assert.ok(usage >= after, `${usage} bytes with page cache, ${after} without`);
  },

  async 'periods in which a quota was used up are counted, also for groups below it'({ cgroups, path: place, start }) {
    const group = cgroups.create(place);
    const below = cgroups.create(`${place}/below`);
    const files = ['cpu.max', 'cpu.cfs_quota_us'].flatMap((file) => filesOf(place, file));
    if (files.length === 0) {
      assert.equal(group.read().cpu_periods, undefined, 'without the controller nothing is said');
      return;
    }
    for (const file of files) writeFileSync(file, '10000');
    const burning = start('burnTwice');
    below.enter(burning.pid);
    burning.go();
    await readsUntil(group, 'cpu_throttled_periods', (periods) => periods >= 2);
    const { cpu_periods: periods = 0, cpu_throttled_periods: throttled = 0 } = group.read();
    assert.ok(periods >= throttled, `${throttled} of ${periods}`);
    await readsUntil(group, 'cpu_throttled_time', (time) => time > 0);
    const hasLocal = filesOf(place, 'cpu.stat.local').length > 0;
    const { cpu_throttled_time: timeBelow } = below.read();
    assert.equal((timeBelow ?? 0) > 0, hasLocal, `${timeBelow} ms`);
  },

  async 'programs that wait for a CPU are seen in the pressure, where the kernel has it'(given) {
    const { cgroups, path: place, start } = given;
    const group = cgroups.create(place);
    const hasPressure = filesOf(place, 'cpu.pressure').length > 0;
    assert.equal(group.read().pressure_cpu_some !== undefined, hasPressure);
    if (!hasPressure) return;
    group.limit({ cpus: 1 });
    const burning = start('burnTwice');
    group.enter(burning.pid);
    burning.go();
    await readsUntil(group, 'pressure_cpu_some', (time) => time > 20);
    for (const name of ['pressure_memory_full', 'pressure_io_some'] as const)
      assert.notEqual(group.read()[name], undefined);
  },

  async 'bytes that a program puts on a disk are counted'({ cgroups, path: place, start }) {
    const group = cgroups.create(place);
    const file = path.join(tmpdir(), `kolejka-figures-${process.pid}`);
    // A file system without a block device, such as a tmpfs, has the major number 0.
    const hasDevice = statSync(tmpdir()).dev >> 8 !== 0;
    const writing = start('write4');
    group.enter(writing.pid);
    try {
      await writing.run(file);
    } finally {
      rmSync(file, { force: true });
    }
    const { io_written: written, io_writes: writes } = group.read();
    if (written === undefined) {
      // v1 since 6.10: nothing is counted, not even at the top, unless a device is throttled.
      const top = filesOf('/', 'blkio.throttle.io_service_bytes_recursive').map((each) => readFileSync(each, 'utf8'));
      assert.deepEqual([filesOf(place, 'io.stat'), top.filter((text) => /^\d+:/m.test(text))], [[], []]);
      return;
    }
    if (hasDevice) assert.ok(written >= 4 * MEGABYTE && written < 8 * MEGABYTE, `${written} bytes`);
    else assert.equal(written, 0);
    assert.equal((writes ?? 0) > 0, hasDevice, `${writes} writes`);
  },

  async 'events of a group and those below are counted from the limit on'({ cgroups, path: place, start }) {
    cgroups.create(place);
    cgroups.create(`${place}/below`);
    const group = openCgroups('cgroupfs', SOFTWARE).open(place);
    try {
      const burning = start('burn');
      await burning.heard(1);
      openCgroups().open(`${place}/below`).enter(burning.pid);
      assert.equal(group.read().perf_cycles, undefined, 'nobody has asked for it');
      group.limit({ perf_cycles: 1, perf_instructions: 1 });
      burning.go();
      const own = Number(await burning.heard(1));
      const { perf_cycles: nanoseconds = -1, perf_instructions: faults = -1 } = group.read();
      assert.ok(Math.abs(nanoseconds / 1e6 - own) < 30, `${nanoseconds} ns counted, ${own} ms burnt`);
      assert.ok(faults >= 0, `${faults} page faults`);
    } finally {
      await group.remove();
    }
    assert.equal(group.read().perf_cycles, undefined);
  },

  async 'a limit on CPU instructions or cycles is kept, or refused with the reason'({ cgroups, path: place, start }) {
    for (const name of ['perf_instructions', 'perf_cycles'] as const) {
      const group = cgroups.create(`${place}/${name}`);
      const why = cgroups.whyNotKept(name);
      if (why === undefined) {
        group.limit({ [name]: 1 });
        const burning = start('burn');
        group.enter(burning.pid);
        burning.go();
        await readsUntil(group, name, (count) => count > 1_000_000);
      } else {
        assert.match(why, /^its (CPU|kernel|control groups) /);
        const isRefusal = (error: unknown) =>
          error instanceof GridError &&
          error.code === 'limit-not-kept' &&
          error.field === `limits.${name}` &&
          error.message.includes(why);
        assert.throws(() => group.limit({ [name]: 1 }), isRefusal);
      }
      await group.remove();
    }
  },
};
