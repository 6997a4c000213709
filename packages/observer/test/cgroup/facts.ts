/** What must be so of control groups, on v1 and v2 alike: one text, run by cgroups.test.ts here and in virtual machines. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { GridError, parseCpuList } from '@kolejka/protocol';
import type { Cgroups } from '../../src/cgroup/index.ts';
import type { Child, ProgramName } from './programs.ts';

const MEGABYTE = 1024 * 1024;

export interface Place {
  cgroups: Cgroups;
  /** Path of a group that only this fact uses. */
  path: string;
  /** A child outside of every group of ours; it is ended afterwards. */
  readonly start: (program: ProgramName) => Child;
}

export type Fact = (place: Place) => Promise<void>;

export const FACTS: Record<string, Fact> = {
  async 'CPU time of a program is read to a few milliseconds'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    const burning = start('burn');
    await burning.heard(1);
    group.enter(burning.pid);
    const { cpu_usage: before = -1 } = group.read();
    const earlier = scheduledMs(burning.pid);
    burning.go();
    await burning.heard(1);
    await standsStill(burning.pid);
    const { cpu_usage: after = -1, cpu_user: user = -1, cpu_system: system = -1 } = group.read();
    const own = scheduledMs(burning.pid) - earlier;
    assert.ok(own >= 200, `the program burnt ${own} ms`);
    assert.ok(Math.abs(after - before - own) < 5, `${after - before} ms read, ${own} ms burnt`);
    // User and system time are told apart by what runs at each tick, of 4 or 10 ms.
    assert.ok(Math.abs(user + system - after) < 60, `${user} + ${system} ms is not ${after} ms`);
  },

  async 'the memory peak is that of the program and stays after it'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    const eating = start('eat40');
    group.enter(eating.pid);
    await eating.run();
    const { memory_max_usage: peak, memory_usage: usage = 0 } = group.read();
    assert.ok(usage < 30 * MEGABYTE, `${usage} bytes are still charged`);
    // Kernels before 5.19 have no peak on v2.
    if (peak !== undefined || cgroups.version === 1) {
      assert.ok(peak !== undefined && peak >= 40 * MEGABYTE && peak < 48 * MEGABYTE, `the peak is ${peak}`);
    }
  },

  async 'a program over the memory limit is killed and counted once'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    group.limit({ memory: 16 * MEGABYTE, swap: 0 });
    const eating = start('eat40');
    group.enter(eating.pid);
    assert.equal((await eating.run()).signal, 'SIGKILL');
    const stats = group.read();
    assert.equal(stats.memory_oom_kills, 1);
    assert.ok((stats.memory_max_usage ?? 0) <= 16 * MEGABYTE);
    assert.ok((stats.memory_failures ?? 1) >= 1);
  },

  async 'a kill in a group below that is gone is counted'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    group.limit({ memory: 16 * MEGABYTE, swap: 0 });
    for (const name of ['one', 'two']) {
      const below = cgroups.create(`${path}/${name}`);
      const eating = start('eat40InChild');
      below.enter(eating.pid);
      const { status, line } = await eating.run();
      assert.deepEqual([status, line], [0, 'child 137'], 'the child is killed, its parent goes on');
      await below.remove();
      assert.equal(below.exists(), false);
    }
    assert.equal(group.read().memory_oom_kills, 2);
  },

  async 'a group is not charged with a kill at the limit above it'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    group.limit({ memory: 16 * MEGABYTE, swap: 0 });
    const quiet = cgroups.create(`${path}/quiet`);
    quiet.limit({ memory: 15 * MEGABYTE, swap: 0 });
    const greedy = cgroups.create(`${path}/greedy`);
    const eating = start('eat40');
    greedy.enter(eating.pid);
    assert.equal((await eating.run()).signal, 'SIGKILL');
    assert.equal(quiet.read().memory_oom_kills, 0);
    assert.equal(greedy.read().memory_oom_kills, 1);
    assert.equal(group.read().memory_oom_kills, 1);
  },

  async 'memory limits can be raised and lowered'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    for (const memory of [64, 16, 128, 64]) group.limit({ memory: memory * MEGABYTE, swap: 0 });
    group.limit({ memory: 32 * MEGABYTE });
    group.limit({ memory: 64 * MEGABYTE, swap: 8 * MEGABYTE });
    const eating = start('eat40');
    group.enter(eating.pid);
    assert.equal((await eating.run()).status, 0);
  },

  async 'forks over the limit on processes are refused and counted, and the peak is read'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    group.limit({ pids: 8 });
    const forking = start('fork20');
    group.enter(forking.pid);
    await forking.run();
    const stats = group.read();
    assert.ok(group.refusedForks() >= 1);
    assert.equal(stats.pids_failures, group.refusedForks());
    if (stats.pids_max_usage !== undefined) assert.equal(stats.pids_max_usage, 8);
  },

  async 'refused forks of a group below are counted, also when it is gone'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    group.limit({ pids: 8 });
    const below = cgroups.create(`${path}/below`);
    const forking = start('fork20');
    below.enter(forking.pid);
    await forking.run();
    const seen = group.refusedForks();
    assert.ok(seen >= 1);
    await below.remove();
    assert.equal(group.refusedForks(), seen);
  },

  async 'a program runs on the CPUs from the offset on'({ cgroups, path, start }) {
    const all = await allowedCpus(start('cpus'));
    const group = cgroups.create(path);
    group.limit({ cpus: 1, cpus_offset: all.length - 1 });
    const asking = start('cpus');
    group.enter(asking.pid);
    assert.deepEqual(await allowedCpus(asking), all.slice(-1));
  },

  async 'a program runs on the CPUs of its set, whatever the limits say of their number and place'({
    cgroups,
    path,
    start,
  }) {
    const all = await allowedCpus(start('cpus'));
    // Those at both ends lie apart where there are three or more.
    const set = [...new Set([all.at(0), all.at(-1)])] as number[];
    const group = cgroups.create(path);
    group.limit({ cpus: 1, cpus_offset: 0 }, set);
    const asking = start('cpus');
    group.enter(asking.pid);
    assert.deepEqual(await allowedCpus(asking), set);
  },

  async 'a set with a CPU that the group above does not have is refused'({ cgroups, path, start }) {
    const all = await allowedCpus(start('cpus'));
    const group = cgroups.create(path);
    for (const set of [[...all, 4095], [4095], []]) {
      assert.throws(
        () => group.limit({ cpus: 1, cpus_offset: 0 }, set),
        (error) => error instanceof GridError && error.code === 'limit-not-kept' && error.field === 'limits.cpus',
      );
    }
  },

  async 'more CPUs than there are from the offset on are refused'({ cgroups, path }) {
    const group = cgroups.create(path);
    for (const limits of [{ cpus: 1, cpus_offset: 4096 }, { cpus: 4096 }, { cpus: 0 }]) {
      assert.throws(
        () => group.limit(limits),
        (error) => error instanceof GridError && error.code === 'limit-not-kept' && error.field === 'limits.cpus',
      );
    }
  },

  async 'a frozen program stands still until it is thawed'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    const ticking = start('tick');
    group.enter(ticking.pid);
    ticking.go();
    await ticking.heard(2);
    await group.freeze();
    const { cpu_usage: frozen } = group.read();
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(group.read().cpu_usage, frozen);
    await group.thaw();
    await ticking.heard(3);
  },

  async 'a fork bomb that ignores signals is killed, frozen or not'({ cgroups, path, start }) {
    for (const isFrozen of [false, true]) {
      const group = cgroups.create(path);
      group.limit({ pids: 64 });
      const bomb = start('forkBomb');
      group.enter(bomb.pid);
      bomb.go();
      while (group.processes().length < 32) await new Promise((resolve) => setTimeout(resolve, 10));
      if (isFrozen) await group.freeze();
      await group.kill();
      assert.deepEqual(group.processes(), []);
      assert.equal((await bomb.ended).signal, 'SIGKILL');
    }
  },

  async 'a program that is stopped, or waits in vfork, is frozen and killed all the same'({ cgroups, path, start }) {
    for (const name of ['stopped', 'vfork'] as const) {
      const group = cgroups.create(`${path}/${name}`);
      const program = start(name);
      group.enter(program.pid);
      program.go();
      await program.heard(1);
      await group.freeze();
      await group.thaw();
      await group.freeze();
      await group.kill();
      assert.deepEqual(group.processes(), [], name);
      assert.equal((await program.ended).signal, 'SIGKILL', name);
    }
  },

  async 'a group frozen below is killed too'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    const below = cgroups.create(`${path}/below`);
    const ticking = start('tick');
    below.enter(ticking.pid);
    ticking.go();
    await ticking.heard(1);
    await below.freeze();
    await group.kill();
    assert.equal((await ticking.ended).signal, 'SIGKILL');
  },

  async 'removing kills what is left, with groups below, and leaves nothing'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    const below = cgroups.create(`${path}/a/b`);
    const ticking = start('tick');
    below.enter(ticking.pid);
    assert.deepEqual(cgroups.children(path), [`${path}/a`]);
    assert.deepEqual(group.processes(), [ticking.pid]);
    assert.equal(cgroups.pathOf(ticking.pid), `${path}/a/b`);
    await group.remove();
    assert.equal(group.exists(), false);
    assert.deepEqual(cgroups.children(path), []);
    assert.deepEqual(group.read(), {}, 'what cannot be read is absent, never 0');
    await group.remove();
  },

  async 'regression: removing a group leaves the one above, though it is empty'({ cgroups, path }) {
    const group = cgroups.create(path);
    await cgroups.create(`${path}/made/below`).remove();
    assert.equal(group.exists(), true);
    assert.deepEqual(cgroups.children(path), [], 'what was made only on the way is removed');
  },

  async 'a process goes back where it was'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    const ticking = start('tick');
    const before = cgroups.placementOf(ticking.pid);
    assert.ok(before !== undefined);
    group.enter(ticking.pid);
    assert.notDeepEqual(cgroups.placementOf(ticking.pid), before);
    cgroups.putBack(ticking.pid, before);
    assert.deepEqual(cgroups.placementOf(ticking.pid), before);
    assert.deepEqual(group.processes(), []);
  },

  async 'a session with processes gets a session below, whose processes stay in its measurement'(place) {
    const { cgroups, path, start } = place;
    const outer = cgroups.create(`${path}/kolejka_observer_outer`);
    const ticking = start('tick');
    outer.enter(ticking.pid);
    const inner = cgroups.create(`${outer.path}/kolejka_observer_inner`);
    inner.limit({ memory: 512 * MEGABYTE });
    const burning = start('burn');
    await burning.heard(1);
    inner.enter(burning.pid);
    const late = start('tick');
    outer.enter(late.pid);
    burning.go();
    await burning.heard(1);
    assert.ok((inner.read().cpu_usage ?? 0) >= 150);
    assert.ok((outer.read().cpu_usage ?? 0) >= 150);
    assert.deepEqual(new Set(outer.processes()), new Set([ticking.pid, burning.pid, late.pid]));
  },

  async 'a process that is gone is refused'({ cgroups, path, start }) {
    const group = cgroups.create(path);
    const child = start('cpus');
    await child.run();
    assert.throws(() => group.enter(child.pid), isForeign);
    assert.equal(cgroups.pathOf(child.pid), undefined);
    assert.equal(cgroups.placementOf(child.pid), undefined);
  },

  async 'limits on groups below are kept where the kernel can'({ cgroups, path }) {
    const group = cgroups.create(path);
    group.limit({ cgroup_depth: 1, cgroup_descendants: 2 });
    const why = cgroups.whyNotKept('cgroup_depth');
    assert.equal(why === undefined, cgroups.version === 2);
    if (why !== undefined) return;
    cgroups.create(`${path}/a`);
    assert.throws(() => cgroups.create(`${path}/a/b`), /EAGAIN/);
    cgroups.create(`${path}/c`);
    assert.throws(() => cgroups.create(`${path}/d`), /EAGAIN/);
  },
};

/** CPU time of all threads of a process as the scheduler counts it, in ms (proc_pid_schedstat(5), first field, ns). */
function scheduledMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]));
  return times.reduce((sum, time) => sum + time, 0) / 1e6;
}

/** Waits until a process has done what it had to do and waits itself. */
async function standsStill(pid: number): Promise<void> {
  for (let last = -1, now = 0; now !== last; ) {
    last = scheduledMs(pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
    now = scheduledMs(pid);
  }
}

const isForeign = (error: unknown) => error instanceof GridError && error.code === 'foreign-process';

async function allowedCpus(asking: Child): Promise<number[]> {
  const { line } = await asking.run();
  return parseCpuList(line.split('\t')[1] ?? '');
}
