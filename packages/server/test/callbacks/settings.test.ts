import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { CALLBACK_SETTINGS } from '../../src/callbacks/settings.ts';

const { allowed_callback_hosts: hosts, callback_time: time } = CALLBACK_SETTINGS;

test('the hosts that may be called are at first those of the original', (t) => {
  t.deepEqual(hosts.default, hosts.parse('localhost, 127.0.0.1', 'hosts'));
});

test('the time of a call is written like every other time', (t) => {
  t.deepEqual(
    ['30s', '1.5', '10M'].map((text) => time.parse(text, 'callback_time')),
    [30_000, 1500, 600_000],
  );
});

for (const text of ['0', '-1s', '11M', 'soon', '5m']) {
  test(`a call cannot have ${JSON.stringify(text)} of time`, (t) => {
    const error = t.throws(() => time.parse(text, 'callback_time'), { instanceOf: GridError });
    t.is(error.code, 'bad-value');
    t.is(error.field, 'callback_time');
  });
}
