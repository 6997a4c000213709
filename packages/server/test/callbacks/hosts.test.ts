import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { allows, nameInLog, parseCallbackHosts, requireCallback } from '../../src/callbacks/hosts.ts';

const LISTS: [string, string[]][] = [
  ['localhost, 127.0.0.1', ['localhost', '127.0.0.1']],
  ['Judge.Example.ORG\n*.example.net:8443', ['judge.example.org', '*.example.net:8443']],
  ['[::1]:0080,[0:0::1]', ['[::1]:80', '[::1]']],
  ['127.1,bücher.example', ['127.0.0.1', 'xn--bcher-kva.example']],
  ['none', []],
];

for (const [text, expected] of LISTS) {
  test(`${JSON.stringify(text)} is a list of hosts`, (t) => t.deepEqual(parseCallbackHosts(text, 'hosts'), expected));
}

const NO_HOSTS = [
  'http://a',
  'a/b',
  'a:b',
  'a:99999',
  'user@a',
  '*',
  'a.*',
  '*.127.0.0.1',
  '*.[::1]',
  'a b',
  'a?',
  '%',
];

for (const text of NO_HOSTS) {
  test(`${JSON.stringify(text)} is no host to be called`, (t) => {
    const error = t.throws(() => parseCallbackHosts(`localhost, ${text}`, 'allowed_callback_hosts'), {
      instanceOf: GridError,
    });
    t.is(error.code, 'bad-value');
    t.true(error.message.includes(JSON.stringify(text)), error.message);
  });
}

const ALLOWED: [string, string, boolean][] = [
  ['localhost', 'http://localhost:9/x?y', true],
  ['localhost', 'https://LOCALHOST/', true],
  ['localhost', 'http://localhost.example.org/', false],
  ['localhost', 'http://xlocalhost/', false],
  ['localhost', 'http://localhost./', false],
  ['localhost', 'http://[::1]/', false],
  ['localhost', 'http://localhost@evil.example/', false],
  ['127.0.0.1', 'http://2130706433/', true],
  ['127.0.0.1', 'http://0x7f.1/', true],
  ['127.0.0.1', 'http://[::ffff:127.0.0.1]/', false],
  ['a.example:8080', 'http://a.example:8080/', true],
  ['a.example:8080', 'http://a.example/', false],
  ['a.example:80', 'http://a.example/', true],
  ['a.example:443', 'https://a.example/', true],
  ['a.example:443', 'http://a.example/', false],
  ['*.example.org', 'http://a.b.example.org:7/', true],
  ['*.example.org', 'http://example.org/', false],
  ['*.example.org', 'http://badexample.org/', false],
  ['*.example.org:7', 'http://a.example.org:7/', true],
  ['*.example.org:7', 'http://a.example.org:77/', false],
  ['none', 'http://none/', false],
];

for (const [list, url, expected] of ALLOWED) {
  test(`${list} ${expected ? 'allows' : 'does not allow'} ${url}`, (t) => {
    t.is(allows(parseCallbackHosts(list, 'hosts'), new URL(url)), expected);
  });
}

const REFUSED = [
  'file:///etc/passwd',
  'ftp://localhost/',
  'localhost/x',
  '/x',
  'http://',
  'http://a b/',
  'javascript:1',
];

for (const text of [...REFUSED, 'http://u:%zz@localhost/', 'http://169.254.169.254/latest/', 'http://[fd00::1]/']) {
  test(`hostile input 55: a task cannot ask to be called at ${text}`, (t) => {
    const error = t.throws(() => requireCallback(text, ['localhost']), { instanceOf: GridError });
    t.is(error.code, 'bad-value');
    t.is(error.field, 'callback_url');
  });
}

test('a task may ask for no call, also with an empty address', (t) => {
  for (const none of [undefined, null, '']) t.is(requireCallback(none, []), undefined);
});

test('what is logged of an address has no user, password or query', (t) => {
  const url = requireCallback('https://user:secret@localhost:7/judge/1?key=secret#secret', ['localhost']);
  t.is(nameInLog(url as URL), 'https://localhost:7/judge/1');
});
