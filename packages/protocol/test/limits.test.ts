import {
  combineLimits,
  LIMIT_NAMES,
  LIMITS,
  type Limits,
  parseLimit,
  parseLimits,
  printLimits,
} from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import { limits } from './arbitraries.ts';
import { recorded } from './recorded.ts';
import { refusalOf } from './refusal.ts';

test('the limits are written in the order of the original', (t) => {
  t.deepEqual(LIMIT_NAMES, [
    'cpus',
    'cpus_offset',
    'memory',
    'swap',
    'network',
    'pids',
    'storage',
    'image',
    'workspace',
    'time',
    'gpus',
    'gpus_offset',
    'gpu_memory',
    'perf_instructions',
    'perf_cycles',
    'cgroup_depth',
    'cgroup_descendants',
  ]);
});

test('every limit is printed as the original dumps it, whatever order it came in', (t) => {
  const given = {
    cgroup_descendants: '3',
    cgroup_depth: 2,
    perf_cycles: '2G',
    perf_instructions: 1e9,
    gpu_memory: '4G',
    gpus_offset: 0,
    gpus: 1.0,
    time: '5M',
    workspace: '64M',
    image: '512M',
    storage: 0,
    pids: '16',
    network: 'yes',
    swap: 0,
    memory: '1.5G',
    cpus_offset: 0,
    cpus: true,
  };
  t.is(
    JSON.stringify(printLimits(parseLimits(given))),
    '{"cpus":1,"cpus_offset":0,"memory":"1610612736b","swap":"0b","network":true,"pids":16,"storage":"0b",' +
      '"image":"536870912b","workspace":"67108864b","time":"300.0s","gpus":1,"gpus_offset":0,"gpu_memory":"4294967296b",' +
      '"perf_instructions":1000000000,"perf_cycles":2000000000,"cgroup_depth":2,"cgroup_descendants":3}',
  );
});

for (const name of ['put-task', 'put-result', 'dequeue'] as const) {
  test(`recorded limits of ${name} are printed as they came`, (t) => {
    const sent = recorded(name).sent['limits'];
    t.is(JSON.stringify(printLimits(parseLimits(sent, 'limits', 'budget'))), JSON.stringify(sent));
  });
}

test('limits that are printed are parsed to the same limits', (t) => {
  fc.assert(fc.property(limits, (some) => t.deepEqual(parseLimits(printLimits(some)), some)));
});

test('limits nobody knows are dropped, and null is no limit', (t) => {
  t.deepEqual(parseLimits({ memory: null, cpus: 1, colour: 'red' }), { cpus: 1 });
  t.deepEqual(parseLimits(null), {});
});

test('regression: limits named like a property of every object are dropped', (t) => {
  t.deepEqual(parseLimits(JSON.parse('{"__proto__": {"memory": "1M"}, "constructor": 1}')), {});
});

for (const value of [[], 'memory', 1, true]) {
  test(`limits cannot be ${JSON.stringify(value)}`, (t) => t.is(refusalOf(() => parseLimits(value))?.field, 'limits'));
}

for (const name of LIMIT_NAMES) {
  test(`a bad ${name} is refused by name`, (t) => {
    const refusal = refusalOf(() => parseLimits({ [name]: [] }, 'task.limits'));
    t.is(refusal?.field, `task.limits.${name}`);
  });
}

for (const name of LIMIT_NAMES.filter((limit) => LIMITS[limit].unit !== 'flag')) {
  test(`hostile input 37: a negative ${name} is refused, of a task and of a node`, (t) => {
    t.is(refusalOf(() => parseLimits({ [name]: -1 }))?.field, `limits.${name}`);
    t.is(refusalOf(() => parseLimits({ [name]: -1 }, 'limits', 'budget'))?.field, `limits.${name}`);
  });
}

for (const name of ['cpus', 'memory', 'pids', 'time', 'perf_cycles'] as const) {
  test(`a task cannot ask for ${name} 0, a node may have none left`, (t) => {
    t.is(refusalOf(() => parseLimit(name, 0, name))?.field, name);
    t.is(parseLimit(name, 0, name, 'budget'), 0);
  });
}

test('two ceilings combine to the lower one, and one alone holds', (t) => {
  const one: Limits = { cpus: 4, memory: 100, network: true };
  const other: Limits = { cpus: 2, pids: 8, network: false };
  t.deepEqual(combineLimits(one, other), { cpus: 2, memory: 100, network: false, pids: 8 });
});

for (const name of ['gpus', 'gpus_offset', 'gpu_memory'] as const) {
  test(`a side without ${name} takes it away`, (t) => {
    t.deepEqual(combineLimits({ [name]: 1 }, {}), {});
    t.deepEqual(combineLimits({}, { [name]: 1 }), {});
    t.deepEqual(combineLimits({ [name]: 3 }, { [name]: 2 }), { [name]: 2 });
  });
}

test('combining knows no order, and changes nothing the second time', (t) => {
  fc.assert(
    fc.property(limits, limits, (one, other) => {
      const both = combineLimits(one, other);
      t.deepEqual(both, combineLimits(other, one));
      t.deepEqual(combineLimits(both, both), both);
    }),
  );
});

test('what two ceilings allow, each of them allows', (t) => {
  fc.assert(
    fc.property(limits, limits, (one, other) => {
      const both = combineLimits(one, other);
      for (const name of LIMIT_NAMES) {
        const value = both[name];
        if (value === undefined) continue;
        for (const side of [one, other]) t.true(side[name] === undefined || value <= side[name]);
      }
    }),
  );
});
