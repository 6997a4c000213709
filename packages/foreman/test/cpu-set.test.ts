import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseCpuList } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { chooseCpus } from '../src/cpu-set.ts';
import { type Cpu, readCpus } from '../src/cpu-shape.ts';

/** Files of sysfs as such machines have them: name and text. */
const MACHINES = {
  'one socket, two threads a core': `
    cpu/online 0-7
    node/node0/cpulist 0-7
    cpu/cpu0/topology/thread_siblings_list 0,4
    cpu/cpu1/topology/thread_siblings_list 1,5
    cpu/cpu2/topology/thread_siblings_list 2,6
    cpu/cpu3/topology/thread_siblings_list 3,7
    cpu/cpu4/topology/thread_siblings_list 0,4
    cpu/cpu5/topology/thread_siblings_list 1,5
    cpu/cpu6/topology/thread_siblings_list 2,6
    cpu/cpu7/topology/thread_siblings_list 3,7`,
  'two NUMA nodes of two cores': `
    cpu/online 0-7
    node/node0/cpulist 0-1,4-5
    node/node1/cpulist 2-3,6-7
    node/has_cpu 0-1
    cpu/cpu0/topology/thread_siblings_list 0,4
    cpu/cpu1/topology/thread_siblings_list 1,5
    cpu/cpu2/topology/thread_siblings_list 2,6
    cpu/cpu3/topology/thread_siblings_list 3,7
    cpu/cpu4/topology/thread_siblings_list 0,4
    cpu/cpu5/topology/thread_siblings_list 1,5
    cpu/cpu6/topology/thread_siblings_list 2,6
    cpu/cpu7/topology/thread_siblings_list 3,7`,
  // Of one that is offline sysfs keeps no topology, and its sibling has none.
  'CPUs 1 and 6 offline': `
    cpu/online 0,2-5,7
    node/node0/cpulist 0,2-5,7
    cpu/cpu0/topology/thread_siblings_list 0,4
    cpu/cpu2/topology/thread_siblings_list 2
    cpu/cpu3/topology/thread_siblings_list 3,7
    cpu/cpu4/topology/thread_siblings_list 0,4
    cpu/cpu5/topology/thread_siblings_list 5
    cpu/cpu7/topology/thread_siblings_list 3,7`,
  'nothing told of its shape': `
    cpu/online 0-3`,
} as const;

async function readMachine(t: ExecutionContext, name: keyof typeof MACHINES, ids?: number[]): Promise<Cpu[]> {
  const root = await mkdtemp(path.join(tmpdir(), 'kolejka-sysfs-'));
  t.teardown(() => rm(root, { recursive: true }));
  for (const line of MACHINES[name].trim().split('\n')) {
    const [file = '', text = ''] = line.trim().split(' ');
    await mkdir(path.join(root, path.dirname(file)), { recursive: true });
    await writeFile(path.join(root, file), `${text}\n`);
  }
  return await readCpus(ids, root);
}

/** Which CPUs are held, how many are wanted, which are given. */
const CHOICES = {
  'one socket, two threads a core': [
    ['', 1, '0', 'the first of a core'],
    ['0', 1, '4', 'the rest of a core that is broken already'],
    ['', 2, '0,4', 'a whole core'],
    ['0', 2, '1,5', 'a whole core, though others are free before it'],
    ['', 4, '0-1,4-5', 'whole cores'],
    ['', 3, '0-1,4', 'whole cores and one of the next'],
    ['1', 3, '0,4-5', 'a whole core and what is left of a broken one'],
    ['0-3', 2, '4-5', 'where no core is whole, parts'],
    ['1,4-7', 3, '0,2-3', 'all that is left'],
    ['1,4-7', 4, undefined, 'more than is left'],
    ['', 8, '0-7', 'everything'],
  ],
  'two NUMA nodes of two cores': [
    ['', 2, '0,4', 'a whole core'],
    ['0,4', 2, '1,5', 'that of the node with less room, so that the other stays whole'],
    ['0,4', 4, '2-3,6-7', 'the node that has enough'],
    ['0', 3, '1,4-5', 'the fuller node, where it is enough'],
    ['0,4-5', 2, '2,6', 'a whole core of the other node before a part of this one'],
    ['0,4-5,2', 1, '1', 'the fuller node with a broken core'],
    ['0,4', 1, '1', 'where none is broken, the fuller node'],
    ['2', 1, '6', 'a broken core, wherever it is'],
    ['0,2-3', 4, '1,4-6', 'over both when neither has enough, the larger part of one'],
    ['', 6, '0-2,4-6', 'over both, in whole cores'],
  ],
  'CPUs 1 and 6 offline': [
    ['', 1, '2', 'a core that is left with one'],
    ['', 2, '0,4', 'a whole core'],
    ['0,4', 4, '2-3,5,7', 'all others'],
    ['', 6, '0,2-5,7', 'everything'],
  ],
  'nothing told of its shape': [
    ['1', 2, '0,2', 'each is a core'],
    ['', 4, '0-3', 'everything'],
  ],
} as const satisfies Record<keyof typeof MACHINES, readonly (readonly [string, number, string | undefined, string])[]>;

for (const name of Object.keys(MACHINES) as (keyof typeof MACHINES)[]) {
  for (const [held, count, given, why] of CHOICES[name]) {
    test(`${name}, ${held === '' ? 'nothing' : held} held: ${count} of it: ${why}`, async (t) => {
      const all = await readMachine(t, name);
      const taken = parseCpuList(held);
      const free = all.filter(({ id }) => !taken.includes(id));
      t.deepEqual(chooseCpus(free, count, all), given === undefined ? undefined : parseCpuList(given));
    });
  }
}

test('only CPUs that may be used are there, and a core with one of them is whole', async (t) => {
  const all = await readMachine(t, 'one socket, two threads a core', [1, 2, 6]);
  t.deepEqual(
    all.map(({ id }) => id),
    [1, 2, 6],
  );
  t.deepEqual(chooseCpus(all, 1, all), [1]);
  t.deepEqual(chooseCpus(all, 2, all), [2, 6]);
});

test('this machine tells its CPUs', async (t) => {
  const cpus = await readCpus(undefined);
  t.true(cpus.length > 0);
  t.true(cpus.every(({ core }) => core !== ''));
});
