import test from 'ava';
import { GridError } from '@kolejka/protocol';
import { openCgroups } from '../../src/cgroup/index.ts';
import { bytesOfSet } from '../../src/cgroup/systemd.ts';
import { sliceName, sliceTaskPath } from '../../src/cgroup/task-groups.ts';

const SETS: [cpus: number[], bytes: string][] = [
  [[], '0'],
  [[0], '1 1'],
  [[1, 3], '1 10'],
  [[7, 8], '2 128 1'],
  [[31], '4 0 0 0 128'],
];

for (const [cpus, bytes] of SETS) {
  test(`CPUs [${cpus.join(' ')}] are the bytes ${bytes}`, (t) => t.is(bytesOfSet(cpus).join(' '), bytes));
}

test('only the group of a run is a slice, not what is below', (t) => {
  const task = sliceTaskPath('local_1a');
  t.is(sliceName(task), 'kolejka-local_1a.slice');
  t.is(sliceName(`${task}/docker-1.scope`), undefined);
  t.is(sliceName('/kolejka/local_1a'), undefined);
});

test('a cgroup driver that is none of the two is refused', (t) => {
  const error = t.throws(() => openCgroups('none'), { instanceOf: GridError });
  t.is(error?.code, 'node-unfit');
});

const onV1 = openCgroups().version === 1 ? test : test.skip;

onV1('the driver systemd on cgroup v1 is refused with what to do', (t) => {
  const error = t.throws(() => openCgroups('systemd'), { instanceOf: GridError });
  t.regex(error?.message ?? '', /"systemd" on cgroup v1: put .*native\.cgroupdriver=cgroupfs/);
});
