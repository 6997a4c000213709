import { parseHandedIn, parseResult, printReferences, printResult } from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import { jsonLike, results } from './arbitraries.ts';
import { recorded } from './recorded.ts';
import { refusalOf } from './refusal.ts';

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('the recorded result of an original foreman is printed as it came', (t) => {
  const { sent } = recorded('put-result');
  t.is(JSON.stringify(printResult(parseResult(sent))), JSON.stringify(sent));
});

test('the recorded answer is what a server prints: files without their paths', (t) => {
  const { sent, answered } = recorded('put-result');
  const result = parseResult(sent);
  t.is(
    JSON.stringify(printResult({ ...result, files: printReferences(result.files) })),
    JSON.stringify(answered['result']),
  );
});

test('an id and an exit code are enough, as for the original', (t) => {
  t.is(
    JSON.stringify(printResult(parseResult({ id: '3c75df3c485047cf988ac3f0dfed4262', result: 0 }))),
    '{"id":"3c75df3c485047cf988ac3f0dfed4262","tags":[],"limits":{},' +
      '"stats":{"cpu":{},"cpus":{},"memory":{},"pids":{},"perf":{},"gpus":{}},"result":0,"files":{}}',
  );
});

test('what the original does not have stands after its keys, before the files', (t) => {
  const signal = { result: 137, signal: 'SIGKILL', image: 'busybox:stable' };
  const printed = printResult(parseResult({ ...signal, reason: 'time', message: 'The time was up.', stderr: 'err' }));
  const keys = ['tags', 'limits', 'stats', 'result', 'stderr', 'signal', 'image', 'reason', 'message', 'files'];
  t.deepEqual(Object.keys(printed), keys);
});

test('a result that is printed is parsed to the same result', (t) => {
  fc.assert(fc.property(results, (result) => t.deepEqual(parseResult(json(printResult(result))), result)));
});

const REFUSED: [Record<string, unknown>, string][] = [
  [{ result: 1.5 }, 'result'],
  [{ result: '0' }, 'result'],
  [{ reason: 'boredom' }, 'reason'],
  [{ signal: 'kill' }, 'signal'],
  [{ signal: 9 }, 'signal'],
  [{ image: 'x'.repeat(1001) }, 'image'],
  [{ tags: 'a' }, 'tags'],
  [{ tags: [1] }, 'tags.0'],
  [{ limits: { memory: 'x' } }, 'limits.memory'],
  [{ stats: [] }, 'stats'],
  [{ stats: { cpu: 1 } }, 'stats.cpu'],
  [{ stats: { cpu: { usage: 'x' } } }, 'stats.cpu.usage'],
  [{ stats: { time: {} } }, 'stats.time'],
  [{ stats: { cpus: { 0: { usage: [] } } } }, 'stats.cpus.0.usage'],
  [{ stdout: '../x' }, 'stdout'],
  [{ stderr: '/dev/sda' }, 'stderr'],
  [{ files: { 'a/../b': {} } }, 'files.a/../b'],
];

for (const [value, field] of REFUSED) {
  test(`a result with ${JSON.stringify(value)} is refused at ${field}`, (t) => {
    t.is(refusalOf(() => parseResult(value))?.field, field);
  });
}

for (const value of [null, 1, 'result', []]) {
  test(`a result cannot be ${JSON.stringify(value)}`, (t) => {
    t.regex(refusalOf(() => parseResult(value))?.message ?? '', /one JSON object/);
  });
}

test('a result is handed in with the attempt that fences it, or by an original foreman without one', (t) => {
  t.is(parseHandedIn({ result: 0, attempt: 3 }).attempt, 3);
  t.is(parseHandedIn({ result: 0 }).attempt, undefined);
  t.is(refusalOf(() => parseHandedIn({ result: 0, attempt: 'x' }))?.field, 'attempt');
});

const EVERY_KEY = {
  id: 0,
  tags: 0,
  limits: { memory: 0, cpus: 0 },
  stats: { cpu: { usage: 0 }, cpus: { 0: { usage: 0 } }, memory: { failures: 0 }, time: 0 },
  result: 0,
  reason: 0,
  message: 0,
  stdout: 0,
  files: { a: { path: 0, reference: 0 } },
  attempt: 0,
};

test('any JSON is either a result or refused with the field at fault', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), jsonLike(EVERY_KEY)), (value) => {
      const refusal = refusalOf(() => parseHandedIn(value));
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      if (refusal !== undefined && isObject) t.regex(refusal.field ?? '', /^[a-z_]+/);
      t.pass();
    }),
    { numRuns: 1000 },
  );
});

test('a result read from any JSON is printed and read again to the same', (t) => {
  fc.assert(
    fc.property(jsonLike(EVERY_KEY), (value) => {
      if (refusalOf(() => parseResult(value)) !== undefined) return;
      const result = parseResult(value);
      t.deepEqual(printResult(parseResult(json(printResult(result)))), printResult(result));
    }),
    { numRuns: 500 },
  );
});
