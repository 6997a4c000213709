import {
  parseBigCount,
  parseBytes,
  parseCount,
  parseDuration,
  parseFlag,
  printBytes,
  printDuration,
  type Unit,
  UNITS,
} from '@kolejka/protocol';
import test from 'ava';
import fc from 'fast-check';
import { durations } from './arbitraries.ts';
import { refusalOf } from './refusal.ts';

// The right-hand sides are what Python's float, round and timedelta make of the left-hand ones.
const BYTES: [unknown, number][] = [
  ['64M', 67_108_864],
  ['67108864b', 67_108_864],
  ['64kb', 65_536],
  ['64kB', 65_536],
  ['64bk', 65_536],
  ['1kk', 1_048_576],
  ['1.5G', 1_610_612_736],
  ['1T', 1_099_511_627_776],
  ['1P', 1_125_899_906_842_624],
  ['1p', 1_125_899_906_842_624],
  ['0b', 0],
  ['2e3', 2000],
  ['2e3k', 2_048_000],
  ['1_024', 1024],
  ['+7', 7],
  ['-1k', -1024],
  [' 64 M ', 67_108_864],
  ['.5k', 512],
  ['5.k', 5120],
  ['0.5', 0],
  ['1.5', 2],
  ['2.5', 2],
  ['3.7', 4],
  ['0.0005k', 1],
  [1024, 1024],
  [2.5, 2],
];

for (const [text, bytes] of BYTES) {
  test(`${JSON.stringify(text)} is ${bytes} bytes`, (t) => t.is(parseBytes(text, 'memory'), bytes));
}

const DURATIONS: [unknown, number, string][] = [
  ['5m', 5000, '0.005s'],
  ['5M', 300_000_000, '300.0s'],
  ['100ms', 100_000, '0.1s'],
  ['100sm', 100_000, '0.1s'],
  ['1s', 1_000_000, '1.0s'],
  ['10.0s', 10_000_000, '10.0s'],
  [10, 10_000_000, '10.0s'],
  ['10', 10_000_000, '10.0s'],
  ['2e3', 2_000_000_000, '2000.0s'],
  ['1_000', 1_000_000_000, '1000.0s'],
  ['1W', 604_800_000_000, '604800.0s'],
  ['1D', 86_400_000_000, '86400.0s'],
  ['1H', 3_600_000_000, '3600.0s'],
  ['1.5H', 5_400_000_000, '5400.0s'],
  ['2HM', 432_000_000_000, '432000.0s'],
  ['0.30043', 300_430, '0.30043s'],
  ['50µ', 50, '5e-05s'],
  ['0.1m', 100, '0.0001s'],
  ['1mm', 1, '1e-06s'],
  ['999n', 1, '1e-06s'],
  ['0.5µ', 0, '0.0s'],
  ['1.5µ', 2, '2e-06s'],
  ['2.5µ', 2, '2e-06s'],
  ['2500n', 2, '2e-06s'],
  ['2.0000005', 2_000_001, '2.000001s'],
  ['-1', -1_000_000, '-1.0s'],
  [' 7s ', 7_000_000, '7.0s'],
];

for (const [text, microseconds, printed] of DURATIONS) {
  test(`${JSON.stringify(text)} is ${microseconds} µs, printed ${printed}`, (t) => {
    const milliseconds = parseDuration(text, 'time');
    t.is(Math.round(milliseconds * 1000), microseconds);
    t.is(printDuration(milliseconds), printed);
  });
}

const COUNTS: [unknown, number][] = [
  [2, 2],
  ['2', 2],
  [' +2 ', 2],
  [16.0, 16],
  ['1_000', 1000],
  [true, 1],
  [false, 0],
  [-5, -5],
];

for (const [value, count] of COUNTS) {
  test(`${JSON.stringify(value)} counts ${count}`, (t) => t.is(parseCount(value, 'pids'), count));
}

const BIG_COUNTS: [unknown, number][] = [
  ['2G', 2_000_000_000],
  ['2g', 2_000_000_000],
  ['1.5k', 1500],
  ['1kk', 1_000_000],
  ['1P', 1e15],
  ['2.5', 2],
  [12, 12],
];

for (const [value, count] of BIG_COUNTS) {
  test(`${JSON.stringify(value)} is a big count of ${count}`, (t) => t.is(parseBigCount(value, 'perf_cycles'), count));
}

for (const no of [false, 0, 'false', 'No', ' 0 ', 'FALSE']) {
  test(`${JSON.stringify(no)} is no`, (t) => t.false(parseFlag(no, 'network')));
}
for (const yes of [true, 1, 'true', 'yes', 'off', '', '1']) {
  test(`${JSON.stringify(yes)} is yes`, (t) => t.true(parseFlag(yes, 'network')));
}

/** JSON that is no number of any unit, by how a title shows it. */
const NOBODYS: Record<string, unknown> = {
  null: null,
  nothing: undefined,
  'a list': [1],
  'an object': {},
};
const NOBODYS_TEXTS = [
  '',
  ' ',
  'two',
  'b',
  'NaN',
  'inf',
  '1e999',
  '0x10',
  '1__0',
  '_1',
  '1_',
  '1,5',
  '--1',
  '10 apples',
];
const REFUSED: Record<Unit, unknown[]> = {
  bytes: ['1h', 'k1', '1 k b', '1e9G', true, Number.NaN, Number.POSITIVE_INFINITY],
  duration: ['1h', '1d', '1w', '5min', 1e10, '1e10', '20000W', true],
  count: ['1.5', 1.5, '16.0', '1k', 2 ** 53, '9007199254740992', `-${'0'.repeat(200)}1`],
  'big count': ['1b', '1s', true, '10P', -(2 ** 53)],
};

for (const unit of Object.keys(REFUSED) as Unit[]) {
  const texts = [...NOBODYS_TEXTS, ...REFUSED[unit]].map((value): [string, unknown] => [titleOf(value), value]);
  for (const [shown, value] of [...Object.entries(NOBODYS), ...texts]) {
    test(`${shown} is refused as ${unit}`, (t) => {
      const refusal = refusalOf(() => UNITS[unit].parse(value, 'limits.some'));
      t.is(refusal?.field, 'limits.some');
      t.regex(refusal?.message ?? '', /^limits\.some: .* is not .{5,60}$/);
    });
  }
}

function titleOf(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 20)) : String(value);
}

test('a flag is not a list, an object or null', (t) => {
  for (const value of [null, undefined, [], {}]) t.is(refusalOf(() => parseFlag(value, 'network'))?.field, 'network');
});

test('bytes that are printed are parsed to the same number', (t) => {
  fc.assert(fc.property(fc.maxSafeInteger(), (bytes) => t.is(parseBytes(printBytes(bytes), 'x'), bytes)));
});

test('durations that are printed are parsed to the same microsecond', (t) => {
  fc.assert(fc.property(durations, (time) => t.is(parseDuration(printDuration(time), 'x'), time)));
});

test('a duration that is printed is a number in Python’s spelling', (t) => {
  fc.assert(fc.property(durations, (time) => t.regex(printDuration(time), /^\d+(\.\d+|(\.\d+)?e-0\d)s$/)));
});

test('counts that are printed are parsed to the same number', (t) => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (count) => {
      t.is(parseCount(UNITS.count.print(count), 'x'), count);
      t.is(parseCount(String(count), 'x'), count);
      t.is(parseBigCount(UNITS['big count'].print(count), 'x'), count);
    }),
  );
});

test('zero is printed and parsed without a sign', (t) => {
  for (const zero of ['-0', -0]) {
    t.is(parseBytes(zero, 'x'), 0);
    t.is(parseDuration(zero, 'x'), 0);
    t.is(parseCount(zero, 'x'), 0);
    t.is(parseBigCount(zero, 'x'), 0);
  }
});

test('any text or JSON is either a finite number or refused with its field', (t) => {
  const numberish = fc.string({
    unit: fc.constantFrom(...Array.from('0123456789.eE+-_ bkKmMsSGtTpPWDHµn')),
    maxLength: 12,
  });
  fc.assert(
    fc.property(fc.oneof(numberish, fc.string(), fc.jsonValue()), (value) => {
      for (const { parse } of Object.values(UNITS)) {
        const refusal = refusalOf(() => t.true(Number.isFinite(parse(value, 'limits.x'))));
        if (refusal !== undefined) t.is(refusal.field, 'limits.x');
      }
    }),
    { numRuns: 1000 },
  );
});

test('regression: deeply nested JSON in place of a number is refused, not a stack overflow', (t) => {
  const deep: unknown = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
  for (const { parse } of Object.values(UNITS)) t.is(refusalOf(() => parse(deep, 'x'))?.field, 'x');
  t.is(refusalOf(() => parseFlag(deep, 'x'))?.field, 'x');
});
