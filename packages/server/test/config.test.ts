import { readConfig } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { parseAddress, printAddress } from '../src/address.ts';
import { dataDirectory, SETTINGS } from '../src/config.ts';

for (const [text, address] of [
  ['127.0.0.1:8000', { host: '127.0.0.1', port: 8000 }],
  ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
  ['localhost:80', { host: 'localhost', port: 80 }],
  ['[::1]:8000', { host: '::1', port: 8000 }],
  ['8001', { host: '127.0.0.1', port: 8001 }],
  [':8001', { host: '127.0.0.1', port: 8001 }],
] as const) {
  test(`${text} is an address`, (t) => t.deepEqual(parseAddress(text, 'listen'), address));
}

for (const text of ['', 'host', 'host:', 'host:port', 'host:65536', '::1:8000', '[::1]', '1:2:3']) {
  test(`${JSON.stringify(text)} is no address`, (t) => {
    t.is(t.throws(() => parseAddress(text, 'listen'), { instanceOf: GridError }).code, 'bad-value');
  });
}

test('an IPv6 address is printed as it stands in a URL', (t) => {
  t.is(printAddress({ host: '::1', port: 80 }), '[::1]:80');
});

test('the data directory that was set wins over the usual one', (t) => {
  t.is(dataDirectory('/x'), '/x');
  t.regex(dataDirectory(undefined), /\/kolejka\/server$/);
});

for (const size of ['-5', '0', '0K', '-1G']) {
  for (const name of ['KOLEJKA_SERVER_LARGEST_BLOB', 'KOLEJKA_SERVER_LARGEST_BODY']) {
    test(`regression: ${name}=${size} stops the start and is named`, (t) => {
      const read = () =>
        readConfig(SETTINGS, { section: 'server', env: { [name]: size, XDG_CONFIG_HOME: '/nonexistent' } });
      t.like(t.throws(read, { instanceOf: GridError }), { code: 'bad-config', field: name });
    });
  }
}
