import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { parseReference } from '../../src/images/reference.ts';

const SHA256 = `sha256:${'a'.repeat(64)}`;

for (const [name, reference] of [
  ['busybox', { repository: 'busybox' }],
  ['busybox:local', { repository: 'busybox', tag: 'local' }],
  ['kolejka/cc:1', { repository: 'kolejka/cc', tag: '1' }],
  ['a.b/c-d/e__f', { repository: 'a.b/c-d/e__f' }],
  ['localhost/x', { repository: 'localhost/x' }],
  ['localhost:5000/x', { repository: 'localhost:5000/x' }],
  ['127.0.0.1:5000/x:y', { repository: '127.0.0.1:5000/x', tag: 'y' }],
  ['[::1]:5000/x', { repository: '[::1]:5000/x' }],
  ['Registry.Example.org/x/y:Z_z-1.2', { repository: 'Registry.Example.org/x/y', tag: 'Z_z-1.2' }],
  [`debian@${SHA256}`, { repository: 'debian', digest: SHA256 }],
  [`h:1/debian:12@${SHA256}`, { repository: 'h:1/debian', tag: '12', digest: SHA256 }],
  [`x:${'t'.repeat(128)}`, { repository: 'x', tag: 't'.repeat(128) }],
  ['a'.repeat(255), { repository: 'a'.repeat(255) }],
] as const) {
  test(`${name.slice(0, 60)} is a name of an image`, (t) => t.deepEqual(parseReference(name), reference));
}

for (const name of [
  '',
  ' ',
  'a b',
  'busybox ',
  'busybox\n',
  '-flag',
  '--privileged',
  'a/-b',
  'a-',
  '..',
  '../x',
  'a/../b',
  './x',
  '/x',
  'x/',
  'a//b',
  'a..b',
  'a___b',
  'Busybox',
  'a/B',
  'x:',
  ':x',
  'x:-tag',
  'x:a:b',
  'x:a/b:c:d',
  `x:${'t'.repeat(129)}`,
  'x@',
  'x@sha256',
  'x@sha256:abc',
  `x@md5:${'a'.repeat(32)}`,
  `x@sha256:${'A'.repeat(64)}`,
  `x@${SHA256}@${SHA256}`,
  `@${SHA256}`,
  'host:port/x',
  'http://host/x',
  'user@host/x',
  'x;rm -rf /',
  '$(id)',
  'x\0y',
  'ąę',
  'a'.repeat(64),
  'a'.repeat(256),
  'a/'.repeat(250),
  '🦊'.repeat(100),
]) {
  test(`hostile input 40: ${JSON.stringify(name.slice(0, 40))} (${name.length}) is no name of an image`, (t) => {
    const { code, field, message } = t.throws(() => parseReference(name), { instanceOf: GridError });
    t.deepEqual({ code, field }, { code: 'bad-value', field: 'image' });
    t.true(message.length < 700);
  });
}

test('hostile input 61: a name that is nearly right to its end is refused at once', (t) => {
  const began = performance.now();
  for (const name of [
    `${'a-'.repeat(5000)}!`,
    `${'a.'.repeat(5000)}:`,
    `${'a'.repeat(10_000)}/!`,
    '_'.repeat(10_000),
  ]) {
    t.throws(() => parseReference(name), { instanceOf: GridError });
  }
  // Milliseconds; what goes back in the text takes minutes or ages.
  t.true(performance.now() - began < 10_000);
});
