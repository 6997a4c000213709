import type { GridError } from '@kolejka/protocol';
import test from 'ava';
import { openLoginAttempts } from '../../src/door/login-attempts.ts';

const MINUTE_MS = 60_000;

function open(mostCounters?: number) {
  let nowMs = 1000;
  const clock = { now: () => nowMs, monotonic: () => nowMs, sleep: async () => undefined };
  const attempts = openLoginAttempts({ ofUser: 3, ofAddress: 5 }, clock, mostCounters);
  const fail = (username: string, address: string, times = 1) => {
    for (let time = 0; time < times; time += 1) attempts.noteFailure({ username, address });
  };
  const waits = (username: string, address: string): number | undefined => {
    try {
      attempts.refuseTooMany({ username, address });
      return undefined;
    } catch (thrown) {
      return (thrown as GridError).retryAfterS;
    }
  };
  return { fail, waits, pass: (milliseconds: number) => (nowMs += milliseconds) };
}

test('who sends too many wrong passwords waits until five minutes after the first', (t) => {
  const { fail, waits, pass } = open();
  fail('kim', '10.0.0.1', 2);
  t.is(waits('kim', '10.0.0.1'), undefined);
  pass(MINUTE_MS);
  fail('kim', '10.0.0.1');
  t.is(waits('kim', '10.0.0.1'), 240);
  pass(4 * MINUTE_MS);
  t.is(waits('kim', '10.0.0.1'), undefined);
});

test('a stranger locks nobody out: the user elsewhere and others at the same address go on', (t) => {
  const { fail, waits } = open();
  fail('kim', '10.0.0.1', 3);
  t.truthy(waits('kim', '10.0.0.1'));
  t.is(waits('kim', '10.0.0.2'), undefined);
  t.is(waits('lee', '10.0.0.1'), undefined);
});

test('an address that tries many names waits with all of them', (t) => {
  const { fail, waits } = open();
  for (const name of ['a', 'b', 'c', 'd', 'e']) fail(name, '10.0.0.1');
  t.truthy(waits('f', '10.0.0.1'));
  t.is(waits('f', '10.0.0.2'), undefined);
});

const SAME = [
  ['2001:db8:1:2::1', '2001:DB8:1:2:ffff:ffff:ffff:ffff'],
  ['2001:db8::1', '2001:db8:0:0::2'],
  ['::1', '::2'],
  ['fe80::1%eth0', 'fe80::2%eth0'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
] as const;
for (const [one, other] of SAME) {
  test(`${one} and ${other} are one caller`, (t) => {
    const { fail, waits } = open();
    fail('kim', one, 3);
    t.truthy(waits('kim', other));
  });
}

const OTHERS = [
  ['2001:db8:1:2::1', '2001:db8:1:3::1'],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.2'],
  ['1:2:3:4:5:6:7:8', '1:2:3:5:5:6:7:8'],
  ['unknown', 'hidden'],
] as const;
for (const [one, other] of OTHERS) {
  test(`${one} and ${other} are two callers`, (t) => {
    const { fail, waits } = open();
    fail('kim', one, 3);
    t.truthy(waits('kim', one));
    t.is(waits('kim', other), undefined);
  });
}

test('made-up names and addresses cannot fill the memory: the oldest are forgotten first', (t) => {
  const { fail, waits } = open(1000);
  fail('kim', '10.0.0.1', 3);
  for (let index = 0; index < 100_000; index += 1) fail(`name ${index}`, `10.1.${index >> 8}.${index & 255}`);
  t.is(waits('kim', '10.0.0.1'), undefined);
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 300_000; index += 1) fail(`name ${index}`, `10.2.${index >> 8}.${index & 255}`);
  t.true(process.memoryUsage().heapUsed - before < 100 * 1024 ** 2);
  fail('lee', '10.0.0.1', 3);
  t.truthy(waits('lee', '10.0.0.1'));
});
