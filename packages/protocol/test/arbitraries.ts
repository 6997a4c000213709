/** Any valid limits, stats, task and result; and JSON that only looks like one. */
import {
  type Files,
  LIMIT_NAMES,
  LIMITS,
  type Limits,
  REASON_NAMES,
  ReferenceKey,
  type Result,
  STAT_NAMES,
  STATS,
  type Stats,
  type Task,
  TaskId,
  type Unit,
} from '@kolejka/protocol';
import fc from 'fast-check';

const LARGEST = Number.MAX_SAFE_INTEGER;
/** Durations are whole microseconds, at most 10^9 seconds. */
const microseconds = (least: number) => fc.integer({ min: least, max: 1e15 });

/** Milliseconds to the microsecond. */
export const durations = microseconds(0).map((value) => value / 1000);

function amounts(unit: Unit, least: number): fc.Arbitrary<number> {
  if (unit === 'duration') return microseconds(Math.ceil(least * 1000)).map((value) => value / 1000);
  return fc.oneof(fc.integer({ min: least, max: least + 20 }), fc.integer({ min: least, max: LARGEST }));
}

export const limits: fc.Arbitrary<Limits> = fc.record(
  Object.fromEntries(
    LIMIT_NAMES.map((name) => {
      const { unit, least } = LIMITS[name];
      return [name, unit === 'flag' ? fc.boolean() : amounts(unit, least)];
    }),
  ),
  { requiredKeys: [], noNullPrototype: true },
);

export const stats: fc.Arbitrary<Stats> = fc.record(
  {
    ...Object.fromEntries(STAT_NAMES.map((name) => [name, amounts(STATS[name].unit, 0)])),
    cpus: fc.dictionary(fc.nat(4096).map(String), durations, { minKeys: 1, noNullPrototype: true }),
  },
  { requiredKeys: [], noNullPrototype: true },
);

/** Names that have bitten programs which keep files in plain objects. */
const unluckyNames = fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '-rf', 'a\nb');

const namePart = fc
  .oneof(unluckyNames, fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }))
  .filter((part) => !/[/\0]/.test(part) && part !== '.' && part !== '..' && part.isWellFormed());

export const fileNames = fc.array(namePart, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));

const hex32 = fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef')), minLength: 32, maxLength: 32 });
export const taskIds = hex32.map((text) => TaskId.parse(text));
const references = hex32.map((text) => ReferenceKey.parse(text));

/** A map without a prototype, as the parsers make them. */
function dictionary<Value>(names: fc.Arbitrary<string>, values: fc.Arbitrary<Value>) {
  return fc.array(fc.tuple(names, values), { maxLength: 5 }).map((pairs) => {
    const map = Object.create(null) as Record<string, Value>;
    for (const [name, value] of pairs) map[name] = value;
    return map;
  });
}

const texts = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0'));
const files: fc.Arbitrary<Files> = dictionary(
  fileNames,
  fc.record({ path: texts, reference: references }, { requiredKeys: [], noNullPrototype: true }),
).filter((map) => {
  const names = Object.keys(map);
  return !names.some((inner) => names.some((outer) => inner.startsWith(`${outer}/`)));
});

const collectRules = fc.record(
  { glob: fileNames, strip: fc.nat(9), prefix: fc.oneof(fc.constant(''), fileNames) },
  { noNullPrototype: true },
);

export const tasks: fc.Arbitrary<Task> = fc
  .record(
    {
      id: taskIds,
      image: fc.string({ minLength: 1, maxLength: 40 }),
      requires: fc.array(texts),
      exclusive: fc.boolean(),
      priority: fc.integer({ min: -100, max: 100 }),
      limits,
      environment: dictionary(
        fc.oneof(
          unluckyNames,
          texts.filter((name) => name !== '' && !name.includes('=')),
        ),
        texts,
      ),
      args: fc.array(texts).filter(([command]) => command !== ''),
      stdin: fileNames,
      stdout: fileNames,
      stderr: fileNames,
      files,
      collect: fc.array(collectRules, { maxLength: 3 }),
      callback_url: fc.webUrl(),
    },
    {
      requiredKeys: ['image', 'requires', 'exclusive', 'priority', 'limits', 'environment', 'args', 'files', 'collect'],
      noNullPrototype: true,
    },
  )
  .map((task) => ({ ...task, collect: task.collect.map(withoutLeadingDot) }));

/** `./x` is read as `x`; a glob that begins so is not printed as it came. */
function withoutLeadingDot<Rule extends { glob: string }>(rule: Rule): Rule {
  return { ...rule, glob: rule.glob.replace(/^(\.\/)+/, '') };
}

export const results: fc.Arbitrary<Result> = fc.record(
  {
    id: taskIds,
    tags: fc.array(texts),
    limits,
    stats,
    result: fc.integer({ min: -1, max: 255 }),
    signal: fc.constantFrom('SIGKILL', 'SIGRTMIN+2'),
    image: fc.constantFrom('busybox:stable', 'busybox@sha256:00'),
    reason: fc.constantFrom(...REASON_NAMES),
    message: texts,
    stdout: fileNames,
    stderr: fileNames,
    files,
  },
  { requiredKeys: ['tags', 'limits', 'stats', 'files'], noNullPrototype: true },
);

/** JSON whose keys are those of `like`, or unlucky ones, and whose values are anything. */
export function jsonLike(like: Record<string, unknown>, depth = 2): fc.Arbitrary<unknown> {
  const keys = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...Object.keys(like)) },
    { weight: 1, arbitrary: fc.oneof(unluckyNames, fc.string()) },
  );
  const inner = (key: string) => {
    const value = like[key];
    const deeper = typeof value === 'object' && value !== null && Object.keys(value).length > 0 && depth > 0;
    return deeper ? fc.oneof(fc.jsonValue(), jsonLike(value as Record<string, unknown>, depth - 1)) : fc.jsonValue();
  };
  const entries = fc.array(
    keys.chain((key) => fc.tuple(fc.constant(key), inner(key))),
    { maxLength: 8 },
  );
  // A text that is parsed, for only so do keys like `__proto__` come in as they would over the wire.
  return entries.map((pairs) =>
    JSON.parse(`{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`),
  );
}
