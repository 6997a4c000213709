import test from 'ava';
import { cpuTagsOf, printModel, readCpuTags } from '../src/cpu-tags.ts';

const MODELS = [
  ['Intel(R) Xeon(R) Processor', 'xeon processor'],
  ['Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz', 'xeon gold 6338'],
  ['Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz', 'i7-8700k'],
  ['11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz', '11th i7-1165g7'],
  ['Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz', 'e8400'],
  ['AMD Ryzen 9 5950X 16-Core Processor', 'ryzen 9 5950x 16-core processor'],
  ['AMD EPYC 7763 64-Core Processor', 'epyc 7763 64-core processor'],
  ['AMD Phenom(tm) II X4 Quad-Core 955 3.2GHz', 'phenom ii x4 955'],
] as const;
for (const [name, model] of MODELS) {
  test(`${name} is ${model}`, (t) => t.is(printModel(name), model));
}

test('the tags of a machine are those that the original gave it', (t) => {
  const cpuinfo = [0, 1].map(
    (number) =>
      `processor\t: ${number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel name\t: Intel(R) Xeon(R) Processor\n`,
  );
  t.deepEqual(cpuTagsOf(cpuinfo.join('\n')), ['cpu:intel', 'cpu:xeon processor', 'cpus:2']);
});

test('a machine whose vendor is not known says how many CPUs it has, and one that says nothing has no tags', (t) => {
  t.deepEqual(cpuTagsOf('processor\t: 0\nBogoMIPS\t: 50.00\n'), ['cpus:1']);
  t.deepEqual(cpuTagsOf(''), []);
});

test('this machine has CPUs', async (t) => {
  t.true((await readCpuTags()).some((tag) => /^cpus:[1-9]/.test(tag)));
});
