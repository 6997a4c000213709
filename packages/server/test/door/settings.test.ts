import test from 'ava';
import { DOOR_SETTINGS } from '../../src/door/settings.ts';

const { trusted_proxies: proxies, metrics, login_attempts: attempts } = DOOR_SETTINGS;

test('proxies are addresses and networks, separated by commas or lines', (t) => {
  t.deepEqual(proxies.parse('127.0.0.1, 10.0.0.0/8\n::1 , fd00::/8', 'x'), [
    '127.0.0.1',
    '10.0.0.0/8',
    '::1',
    'fd00::/8',
  ]);
  t.deepEqual(proxies.parse('', 'x'), []);
});

for (const text of [
  'proxy.example',
  '10.0.0.0/33',
  '10.0.0.0/8/8',
  '::/129',
  '10.0.0/8',
  '10.0.0.1/',
  'true',
  '1',
  '*',
]) {
  test(`${JSON.stringify(text)} is no proxy`, (t) => {
    t.throws(() => proxies.parse(text, 'trusted_proxies'), {
      code: 'bad-value',
      message: /^trusted_proxies: .* is no/,
    });
  });
}

test('other settings that cannot be are named', (t) => {
  t.throws(() => metrics.parse('everyone', 'metrics'), {
    message: /^metrics: expected one of off, local, users, anyone/,
  });
  for (const text of ['0', '-1', 'many'])
    t.throws(() => attempts.parse(text, 'login_attempts'), { message: /^login_attempts: / });
});
