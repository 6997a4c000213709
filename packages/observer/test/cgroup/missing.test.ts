import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { openCgroups } from '../../src/cgroup/index.ts';
import type { Hierarchy } from '../../src/cgroup/mounts.ts';
import { HARDWARE } from '../../src/cgroup/perf-counters.ts';

/** A v2 hierarchy that offers controllers, in a plain directory; its files are all that is looked at. */
function unified(t: ExecutionContext, offered: string): Hierarchy {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-cgroup-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  writeFileSync(path.join(directory, 'cgroup.controllers'), `${offered}\n`);
  return { version: 2, controllers: [], directory, root: '/' };
}

const v1 = (...names: string[]): Hierarchy[] =>
  names.map((name) => ({ version: 1, controllers: [name], directory: `/sys/fs/cgroup/${name}`, root: '/' }));

function refusal(t: ExecutionContext, hierarchies: readonly Hierarchy[]): string {
  const error = t.throws(() => openCgroups('cgroupfs', HARDWARE, hierarchies), { instanceOf: GridError });
  t.is(error?.code, 'node-unfit');
  return error?.message ?? '';
}

const ALL = ['cpuacct', 'cpuset', 'freezer', 'memory', 'pids'];

for (const name of ALL) {
  test(`on v1 without ${name} the command that mounts it is said`, (t) => {
    const others = v1(...ALL.filter((other) => other !== name));
    const command = `mkdir -p /sys/fs/cgroup/${name} && mount -t cgroup -o ${name} ${name} /sys/fs/cgroup/${name}`;
    t.is(
      refusal(t, [...others, unified(t, 'hugetlb')]),
      `The control group controller "${name}" is not mounted; as root: ${command}`,
    );
  });
}

test('on v2 with a controller in a v1 mount the command that frees it is said', (t) => {
  const message = refusal(t, [unified(t, 'cpu memory cpuset'), ...v1('pids')]);
  t.regex(
    message,
    /^The control group controller "pids" is not offered in \S+: a v1 mount holds it; as root: umount \/sys\/fs\/cgroup\/pids$/,
  );
});

test('on v2 without memory, what to boot with and how it is handed down is said', (t) => {
  t.regex(refusal(t, [unified(t, 'cpu cpuset pids')]), /cgroup_enable=memory; .* Delegate=yes.* --cgroupns host/);
});

test('on v2 where the group above hands nothing down, the command that does is said', (t) => {
  const hierarchy = unified(t, 'cpuset memory pids');
  mkdirSync(path.join(hierarchy.directory, 'kolejka'));
  const cgroups = openCgroups('cgroupfs', HARDWARE, [hierarchy]);
  const error = t.throws(() => cgroups.create('/kolejka/test'), { instanceOf: GridError });
  t.regex(error?.message ?? '', /Try, as root: echo "\+cpuset \+memory \+pids" > \S+\/cgroup\.subtree_control$/);
});

test('where nothing is mounted, the command that mounts v2 is said', (t) => {
  t.is(refusal(t, []), 'No control groups are mounted; as root: mount -t cgroup2 cgroup2 /sys/fs/cgroup');
});
