import { hostname } from 'node:os';
import { openBudget, firstMisfit } from '@kolejka/protocol';
import test from 'ava';
import { readOffer } from '../src/node.ts';

const MACHINE = { tags: [], auto: true };

test('a node offers what it has, and keeps some memory for itself', async (t) => {
  const { limits, tags } = await readOffer({}, MACHINE);
  t.true((limits.cpus ?? 0) >= 1);
  t.true((limits.memory ?? 0) > 0);
  t.false(limits.network);
  t.true(tags.includes(`hostname:${hostname()}`));
});

test('what an operator has set wins', async (t) => {
  const { limits, tags } = await readOffer(
    { cpus: 1, memory: 1000, network: true },
    { ...MACHINE, tags: ['gpu-lab', 'gpu-lab'] },
  );
  t.is(limits.cpus, 1);
  t.is(limits.memory, 1000);
  t.true(limits.network);
  t.is(tags.filter((tag) => tag === 'gpu-lab').length, 1);
});

test('a task that says nothing fits an idle node, however small', async (t) => {
  const { limits, defaults } = await readOffer({ cpus: 1, memory: 1000, pids: 3, storage: 10, time: 5 }, MACHINE);
  t.is(firstMisfit({ image: 'x', limits: defaults }, openBudget(limits)), undefined);
});

test('tags of the machine are left out when that is wanted', async (t) => {
  const { tags } = await readOffer({}, { tags: ['mine'], auto: false });
  t.deepEqual(tags, ['mine']);
});
