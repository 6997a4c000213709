import { foldStats, parseStats, printStats, STAT_NAMES, STATS, type Stats } from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import { jsonLike, stats } from './arbitraries.ts';
import { recorded } from './recorded.ts';
import { refusalOf } from './refusal.ts';

test('the recorded statistics of an original foreman are printed as they came', (t) => {
  const sent = recorded('put-result').sent['stats'];
  t.is(JSON.stringify(printStats(parseStats(sent))), JSON.stringify(sent));
});

test('statistics are kept in milliseconds, bytes and counts', (t) => {
  t.like(parseStats(recorded('put-result').sent['stats']), {
    cpu_usage: 152.511,
    cpu_user: 120,
    memory_max_usage: 13_557_760,
    memory_failures: 0,
    pids_max_usage: 2,
    time: 422.225,
    cpus: { 0: 152.511, 1: 0 },
  });
});

test('what was not measured is absent, never 0', (t) => {
  t.is(JSON.stringify(printStats({})), '{"cpu":{},"cpus":{},"memory":{},"pids":{},"perf":{},"gpus":{}}');
  t.deepEqual(parseStats({ cpu: { usage: null }, time: null, cpus: { 0: { usage: null } } }), {});
});

test('every measurement has its place in the printed JSON', (t) => {
  const all: Stats = Object.fromEntries(STAT_NAMES.map((name) => [name, 1]));
  const printed = printStats(all);
  for (const name of STAT_NAMES) {
    const [group, key]: readonly string[] = STATS[name].place;
    const inside = printed[group ?? ''];
    t.not(key === undefined ? inside : (inside as Record<string, unknown>)[key], undefined, name);
  }
});

test('statistics that are printed are parsed to the same statistics', (t) => {
  fc.assert(fc.property(stats, (some) => t.deepEqual(parseStats(printStats(some)), some)));
});

test('any JSON is either statistics or refused with the field at fault', (t) => {
  const like = { cpu: { usage: 0 }, cpus: { 0: { usage: 0 } }, memory: { max_usage: 0 }, pids: {}, time: 0 };
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), jsonLike(like)), (value) => {
      const refusal = refusalOf(() => parseStats(value));
      if (refusal !== undefined) t.regex(refusal.field ?? '', /^stats/);
      t.pass();
    }),
    { numRuns: 1000 },
  );
});

test('of two samples the later one, the larger one or the sum is kept, as the table says', (t) => {
  const folded = foldStats(
    { memory_usage: 9, memory_max_usage: 9, perf_cycles: 9, cpus: { 0: 5, 1: 1 } },
    { memory_usage: 4, memory_max_usage: 4, perf_cycles: 4, cpus: { 0: 3, 2: 2 } },
  );
  t.deepEqual(folded, { memory_usage: 4, memory_max_usage: 9, perf_cycles: 13, cpus: { 0: 5, 1: 1, 2: 2 } });
});

test('a measurement that only one sample has is kept', (t) => {
  fc.assert(
    fc.property(stats, (some) => {
      t.deepEqual(foldStats(some, {}), some);
      t.deepEqual(foldStats({}, some), some);
    }),
  );
});

test('folding many samples does not depend on how they are grouped', (t) => {
  const small = fc.record(Object.fromEntries(STAT_NAMES.map((name) => [name, fc.nat(1000)])), {
    requiredKeys: [],
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(small, small, small, (a, b, c) => {
      t.deepEqual(foldStats(foldStats(a, b), c), foldStats(a, foldStats(b, c)));
    }),
  );
});
