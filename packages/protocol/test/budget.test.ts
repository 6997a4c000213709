import {
  type Budget,
  type Demand,
  firstMisfit,
  LIMIT_NAMES,
  LIMITS,
  type Limits,
  openBudget,
  spendBudget,
} from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';

const hello: Demand = { image: 'busybox:stable', limits: { cpus: 1, memory: 64, pids: 16, time: 1000 } };
const node: Limits = { cpus: 2, memory: 128, pids: 4096, time: 30_000 };

test('a task fits as often as the node has room for it', (t) => {
  const once = spendBudget(hello, openBudget(node));
  t.is(firstMisfit(hello, once), undefined);
  const twice = spendBudget(hello, once);
  t.deepEqual(twice.left, { cpus: 0, memory: 0, pids: 4064, time: 30_000 });
  t.is(firstMisfit(hello, twice), 'cpus');
});

test('a limit the node does not state keeps nobody out', (t) => {
  t.is(firstMisfit({ image: 'i', limits: { memory: 1e15, cpus: 500 } }, openBudget({})), undefined);
});

test('a limit the node states must be stated by the task', (t) => {
  t.is(firstMisfit({ image: 'i', limits: { cpus: 1 } }, openBudget({ cpus: 2, memory: 100 })), 'memory');
});

test('a task that says nothing of network and GPUs asks for none', (t) => {
  t.is(firstMisfit({ image: 'i', limits: {} }, openBudget({ network: false, gpus: 0, gpu_memory: 0 })), undefined);
  t.is(firstMisfit({ image: 'i', limits: { network: true } }, openBudget({ network: false })), 'network');
  t.is(firstMisfit({ image: 'i', limits: { gpus: 1 } }, openBudget({ gpus: 0 })), 'gpus');
});

test('time is compared and not used up', (t) => {
  const budget = openBudget({ time: 1000 });
  t.is(firstMisfit({ image: 'i', limits: { time: 1001 } }, budget), 'time');
  t.deepEqual(spendBudget({ image: 'i', limits: { time: 1000 } }, budget).left, { time: 1000 });
});

test('tasks of one image pay for it once, and for what a later one adds', (t) => {
  const first = spendBudget({ image: 'a', limits: { image: 60 } }, openBudget({ image: 100 }));
  t.is(first.left.image, 40);
  t.is(firstMisfit({ image: 'b', limits: { image: 60 } }, first), 'image');
  const larger = spendBudget({ image: 'a', limits: { image: 90 } }, first);
  t.is(larger.left.image, 10);
  t.is(spendBudget({ image: 'a', limits: { image: 10 } }, larger).left.image, 10);
});

test('spending leaves the budget it was given as it was', (t) => {
  const budget = openBudget(node);
  spendBudget(hello, budget);
  t.deepEqual(budget, openBudget(node));
});

const smallLimits: fc.Arbitrary<Limits> = fc.record(
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, LIMITS[name].unit === 'flag' ? fc.boolean() : fc.nat(12)])),
  { requiredKeys: [], noNullPrototype: true },
);
const demands = fc.array(fc.record({ image: fc.constantFrom('a', 'b', 'c'), limits: smallLimits }), { maxLength: 25 });
const nodes = smallLimits.map((left) =>
  Object.fromEntries(
    Object.entries(left).map(([name, value]) => [name, typeof value === 'number' ? value * 4 : value]),
  ),
);

/** What tasks that run together take of one limit: the sum, or for images the sum of the largest of each. */
function taken(seated: readonly Demand[], name: keyof Limits): number {
  if (LIMITS[name].spend === 'sum') return seated.reduce((sum, { limits }) => sum + Number(limits[name] ?? 0), 0);
  const sizes = new Map<string, number>();
  for (const { image, limits } of seated) sizes.set(image, Math.max(sizes.get(image) ?? 0, Number(limits[name] ?? 0)));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

test('tasks seated one by one never take more than the node has', (t) => {
  fc.assert(
    fc.property(nodes, demands, (has: Limits, asked) => {
      let budget: Budget = openBudget(has);
      const seated: Demand[] = [];
      for (const demand of asked) {
        if (firstMisfit(demand, budget) !== undefined) continue;
        budget = spendBudget(demand, budget);
        seated.push(demand);
      }
      for (const name of LIMIT_NAMES) {
        const { spend } = LIMITS[name];
        const all = has[name];
        if (all === undefined) t.is(budget.left[name], undefined);
        else if (spend === 'sum' || spend === 'image') {
          t.true(taken(seated, name) <= Number(all), name);
          t.is(budget.left[name], Number(all) - taken(seated, name), name);
        } else if (spend === 'compare') {
          t.is(budget.left[name], all);
          for (const { limits } of seated) t.true(Number(limits[name] ?? 0) <= Number(all), name);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('a task is refused only when it asks for more than is left, or says nothing', (t) => {
  fc.assert(
    fc.property(nodes, demands, (has: Limits, asked) => {
      for (const demand of asked) {
        const name = firstMisfit(demand, openBudget(has));
        if (name === undefined) continue;
        const value = demand.limits[name];
        t.true(value === undefined ? !('absent' in LIMITS[name]) : Number(value) > Number(has[name]), name);
      }
    }),
  );
});
