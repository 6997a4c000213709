import { GridError, parseTask, printReferences, printTask, type Task } from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import { jsonLike, tasks } from './arbitraries.ts';
import { recorded } from './recorded.ts';
import { refusalOf } from './refusal.ts';

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const least = { image: 'busybox:stable' };

test('the recorded task of an original client is printed as it came', (t) => {
  const { sent } = recorded('put-task');
  t.is(JSON.stringify(printTask(parseTask(sent))), JSON.stringify(sent));
});

test('the recorded answer is what a server prints: an id, and files without their paths', (t) => {
  const { sent, answered } = recorded('put-task');
  const asked = parseTask(sent);
  const task = parseTask({ ...sent, id: answered['task']?.['id'], files: printReferences(asked.files) });
  t.is(JSON.stringify(printTask(task)), JSON.stringify(answered['task']));
});

test('a task of everything is printed in the order of the original', (t) => {
  const task: unknown = {
    callback_url: 'http://localhost/x',
    collect: [{ prefix: '/out/', strip: '1', glob: './build/*' }, { glob: '*.txt' }],
    files: { 'a.txt': 'other/a.txt' },
    stderr: 'err',
    stdout: 'out',
    stdin: 'in',
    args: ['sh', 1, true],
    environment: { A: 1, B: 'b' },
    limits: { time: '1s', cpus: 1 },
    exclusive: 'yes',
    requires: ['gpu'],
    image: 'i',
    id: '3c75df3c485047cf988ac3f0dfed4262',
  };
  t.is(
    JSON.stringify(printTask(parseTask(task))),
    '{"id":"3c75df3c485047cf988ac3f0dfed4262","image":"i","requires":["gpu"],"exclusive":true,' +
      '"limits":{"cpus":1,"time":"1.0s"},"environment":{"A":"1","B":"b"},"args":["sh","1","True"],' +
      '"stdin":"in","stdout":"out","stderr":"err","files":{"a.txt":{"path":"other/a.txt"}},' +
      '"collect":[{"glob":"build/*","strip":1,"prefix":"out"},{"glob":"*.txt"}],"callback_url":"http://localhost/x"}',
  );
});

test('an image is all a task must have', (t) => {
  t.is(
    JSON.stringify(printTask(parseTask(least))),
    '{"image":"busybox:stable","requires":[],"limits":{},"environment":{},"args":[],"files":{},"collect":[]}',
  );
});

test('an id that a client made up is dropped', (t) => {
  for (const id of ['my-task', 1, null]) t.is(parseTask({ ...least, id }).id, undefined);
});

test('null is the same as absent', (t) => {
  const nulls = { requires: null, exclusive: null, limits: null, environment: null, args: null, stdin: null };
  const task = parseTask({
    ...least,
    ...nulls,
    stdout: null,
    stderr: '',
    files: null,
    collect: null,
    callback_url: null,
  });
  t.deepEqual(printTask(task), printTask(parseTask(least)));
});

test('fields nobody knows are dropped', (t) => t.deepEqual(parseTask({ ...least, colour: 'red' }), parseTask(least)));

const REFUSED: [Record<string, unknown>, string][] = [
  [{ image: undefined }, 'image'],
  [{ image: '' }, 'image'],
  [{ image: 1 }, 'image'],
  [{ image: 'x'.repeat(501) }, 'image'],
  [{ requires: 'gpu' }, 'requires'],
  [{ requires: [null] }, 'requires.0'],
  [{ exclusive: [] }, 'exclusive'],
  [{ priority: 101 }, 'priority'],
  [{ priority: 'soon' }, 'priority'],
  [{ limits: [] }, 'limits'],
  [{ limits: { memory: '10 apples' } }, 'limits.memory'],
  [{ limits: { cpus: -5 } }, 'limits.cpus'],
  [{ environment: [] }, 'environment'],
  [{ environment: { A: {} } }, 'environment.A'],
  [{ environment: { 'A=B': '1' } }, 'environment.A=B'],
  [{ environment: { '': '1' } }, 'environment.'],
  [{ environment: { A: 'a\0b' } }, 'environment.A'],
  [{ args: 'true' }, 'args'],
  [{ args: ['sh', null] }, 'args.1'],
  [{ args: ['a\0b'] }, 'args.0'],
  [{ args: ['x'.repeat(2 ** 21)] }, 'args.0'],
  [{ stdin: '/etc/passwd' }, 'stdin'],
  [{ stdout: '../out' }, 'stdout'],
  [{ stderr: 1 }, 'stderr'],
  [{ files: ['run.sh'] }, 'files'],
  [{ files: { '../x': 'x' } }, 'files.../x'],
  [{ files: { '/x': 'x' } }, 'files./x'],
  [{ files: { x: 1 } }, 'files.x'],
  [{ files: { x: { reference: 'abc' } } }, 'files.x.reference'],
  [{ files: { x: { path: 1 } } }, 'files.x.path'],
  [{ collect: {} }, 'collect'],
  [{ collect: ['*'] }, 'collect.0'],
  [{ collect: [{}] }, 'collect.0.glob'],
  [{ collect: [{ glob: '../*' }] }, 'collect.0.glob'],
  [{ collect: [{ glob: '/etc/*' }] }, 'collect.0.glob'],
  [{ collect: [{ glob: '*', strip: -1 }] }, 'collect.0.strip'],
  [{ collect: [{ glob: '*', strip: 'one' }] }, 'collect.0.strip'],
  [{ collect: [{ glob: '*', prefix: 'a/../../b' }] }, 'collect.0.prefix'],
  [{ callback_url: 1 }, 'callback_url'],
  [{ args: ['\ud800'] }, 'args.0'],
  [{ environment: { '\ud800': 'x' } }, 'environment.\ud800'],
  [{ files: { '\udfff': 'x' } }, 'files.\udfff'],
];

for (const [change, field] of REFUSED) {
  test(`a task with ${JSON.stringify(change).slice(0, 60)} is refused at ${JSON.stringify(field)}`, (t) => {
    const refusal = refusalOf(() => parseTask({ ...least, ...change }));
    t.is(refusal?.field, field);
    t.true((refusal?.message.length ?? 0) < 400);
  });
}

for (const value of [null, undefined, 1, 'task', [], [least]]) {
  test(`a task cannot be ${JSON.stringify(value)}`, (t) => {
    t.regex(refusalOf(() => parseTask(value))?.message ?? '', /one JSON object/);
  });
}

test('hostile input 30: files and variables may be called like a property of every object', (t) => {
  const task = parseTask(JSON.parse('{"image":"i","files":{"__proto__":"a"},"environment":{"__proto__":"b"}}'));
  t.deepEqual(Object.keys(task.files), ['__proto__']);
  t.is(
    JSON.stringify(printTask(task)),
    '{"image":"i","requires":[],"limits":{},"environment":{"__proto__":"b"},"args":[],"files":{"__proto__":{"path":"a"}},"collect":[]}',
  );
});

test('a task that is printed is parsed to the same task', (t) => {
  fc.assert(fc.property(tasks, (task: Task) => t.deepEqual(parseTask(json(printTask(task))), task)));
});

test('a task read from any JSON is printed and read again to the same', (t) => {
  fc.assert(
    fc.property(jsonLike({ ...EVERY_KEY, image: undefined }), (some) => {
      const value = { ...least, ...(some as object) };
      if (refusalOf(() => parseTask(value)) !== undefined) return;
      const task = parseTask(value);
      t.deepEqual(printTask(parseTask(json(printTask(task)))), printTask(task));
    }),
    { numRuns: 1000 },
  );
});

const EVERY_KEY = {
  image: 'i',
  requires: 0,
  exclusive: 0,
  limits: { memory: 0, cpus: 0, time: 0, network: 0 },
  environment: { A: 0 },
  args: 0,
  stdin: 0,
  stdout: 0,
  files: { a: { path: 0, reference: 0 } },
  collect: 0,
  callback_url: 0,
};

test('any JSON is either a task or refused with the field at fault', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), jsonLike(EVERY_KEY)), (value) => {
      const refusal = refusalOf(() => parseTask(value));
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      if (refusal !== undefined && isObject) t.regex(refusal.field ?? '', /^[a-z_]+/);
      t.pass();
    }),
    { numRuns: 1000 },
  );
});

test('any JSON in one field of a good task is read or refused at that field', (t) => {
  const fields = fc.constantFrom(...Object.keys(EVERY_KEY), '__proto__');
  fc.assert(
    fc.property(fields, fc.jsonValue(), (field, value) => {
      const refusal = refusalOf(() => parseTask({ ...least, ...JSON.parse(`{"${field}":${JSON.stringify(value)}}`) }));
      if (refusal !== undefined) t.is(refusal.field?.split('.')[0], field);
      t.pass();
    }),
    { numRuns: 1000 },
  );
});

const many = <Item>(count: number, item: Item) => Array.from({ length: count }, () => item);
const TOO_MUCH: Record<string, unknown> = {
  requires: many(65, 'a'),
  args: many(10_001, 'a'),
  environment: Object.fromEntries(many(1001, 'a').map((name, index) => [`${name}${index}`, ''])),
  files: Object.fromEntries(many(20_001, 'a').map((name, index) => [`${name}${index}`, 'x'])),
  collect: many(101, { glob: 'a' }),
};

for (const [field, value] of Object.entries(TOO_MUCH)) {
  test(`hostile input 38, 39: more ${field} than any task needs are refused`, (t) => {
    const error = t.throws(() => parseTask({ image: 'x', [field]: value }), { instanceOf: GridError });
    t.is(error?.field, field);
    t.regex(error?.message ?? '', /at most/);
  });
}

test('hostile input 61: a prefix of a hundred thousand slashes is read in no time', (t) => {
  const prefix = `a${'/'.repeat(1_000_000)}a`;
  const started = performance.now();
  t.throws(() => parseTask({ image: 'x', collect: [{ glob: 'a', prefix }] }), { instanceOf: GridError });
  // The regular expression that stood here took ten seconds for a tenth of them, and its time grows with the square.
  t.true(performance.now() - started < 20_000);
});

test('hostile input 31: output cannot take the place of the result', (t) => {
  for (const name of ['kolejka_result.json', 'kolejka_result.json/x']) {
    const error = t.throws(() => parseTask({ image: 'x', stdout: name }), { instanceOf: GridError });
    t.is(error?.field, 'stdout');
  }
});

test('hostile input 38: an empty command is refused', (t) => {
  t.is(t.throws(() => parseTask({ image: 'x', args: [''] }), { instanceOf: GridError })?.field, 'args.0');
});
