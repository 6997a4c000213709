import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readConfig, withoutSecrets } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { parseAddress, printAddress } from '../src/address.ts';
import { dataDirectory, readServerSettings, SETTINGS } from '../src/config.ts';

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

/** The settings as they are read from a file. */
function readFile(t: ExecutionContext, ...lines: string[]) {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-config-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const configFile = path.join(directory, 'kolejka.conf');
  writeFileSync(configFile, ['[server]', 'data = /data', ...lines].join('\n'));
  return readServerSettings({ configFile }, {});
}

test('lists are separated by commas or lines, patterns and maps are read at start', (t) => {
  const settings = readFile(
    t,
    'allowed_callback_hosts = LOCALHOST, [::1]',
    '  judge.example.org',
    'allowed_images = kolejka/*, debian',
    'image_name_maps =',
    '  gcc => kolejka/gcc:12',
    '  old/* => kolejka/*',
    'limit_memory = 2G',
    'limit_network = no',
    'image_timeout = 90s',
  );
  t.deepEqual(settings.allowed_callback_hosts, ['localhost', '[::1]', 'judge.example.org']);
  t.deepEqual(settings.allowed_images, [['kolejka/', ''], ['debian']]);
  t.deepEqual(settings.image_name_maps, [
    { from: ['gcc'], to: ['kolejka/gcc:12'] },
    { from: ['old/', ''], to: ['kolejka/', ''] },
  ]);
  t.like(settings, { limit_memory: 2 * 1024 ** 3, limit_network: false, image_timeout: 90_000 });
  t.like(settings, { limit_cpus: undefined, sendfile: 'off', image_registry: undefined, local_images: [] });
});

for (const [line, field] of [
  ['imageregistry = x.org', 'imageregistry'],
  ['limit_memory = lots', 'limit_memory'],
  ['limit_cpus = 0', 'limit_cpus'],
  ['limit_cpus_offset = 1', 'limit_cpus_offset'],
  ['allowed_images = kolejka[:/].*', 'allowed_images'],
  ['allowed_images = debian, .*', 'allowed_images'],
  ['local_images = a b', 'local_images'],
  ['image_name_maps = a -> b', 'image_name_maps'],
  ['image_registry = https://x.org', 'image_registry'],
  ['image_registry = registry', 'image_registry'],
  ['image_registry = x.org/', 'image_registry'],
  ['image_registry_name = Tasks', 'image_registry_name'],
  ['image_registry_name = tasks:1', 'image_registry_name'],
  ['image_registry_username = x', 'image_registry_username'],
  ['image_registry = x.org\nimage_registry_username = x', 'image_registry_username'],
  ['image_registry_password = secret', 'image_registry_password'],
  ['image_timeout = 0.1', 'image_timeout'],
  ['sendfile = yes', 'sendfile'],
  ['sendfile_root = /blobs', 'sendfile_root'],
  ['callback_user_agent = a\tb', 'callback_user_agent'],
] as const) {
  test(`${line.replaceAll(/[\n\t]/g, ' ')} stops the start, and ${field} is named`, (t) => {
    const { code, message } = t.throws(() => readFile(t, line), { instanceOf: GridError });
    t.is(code, 'bad-config');
    t.true(message.includes(field), message);
    t.false(message.includes('secret'));
  });
}

test('regression: a misspelt variable stops the start, and a wrong address is called as in the help', (t) => {
  process.env['KOLEJKA_SERVER_LARGEST_BLBO'] = '1G';
  try {
    const { code, message } = t.throws(() => readFile(t), { instanceOf: GridError });
    t.is(code, 'bad-config');
    t.true(message.includes('KOLEJKA_SERVER_LARGEST_BLBO'), message);
  } finally {
    delete process.env['KOLEJKA_SERVER_LARGEST_BLBO'];
  }
  const read = () => readServerSettings({ configFile: '/dev/null' }, { listen: 'abc' });
  t.regex(t.throws(read, { instanceOf: GridError }).message, /^ADDR:PORT: "abc"/);
});

test('a secret that is no good is not shown, and what it should be is', (t) => {
  const { message } = t.throws(() => readFile(t, 'database = mysql://kim:hunter2@host/x'), { instanceOf: GridError });
  t.regex(message, /database: not a usable value \(postgres:\/\/user:password@host\/name/);
  t.false(message.includes('hunter2'));
});

test('regression: the settings are logged as they are written', (t) => {
  const settings = readFile(t, 'allowed_images = a/*, b', 'image_name_maps = old/* => a/*', 'listen = [::1]:80');
  t.like(withoutSecrets(SETTINGS, settings), {
    allowed_images: ['a/*', 'b'],
    image_name_maps: ['old/* => a/*'],
    local_images: [],
    listen: '[::1]:80',
  });
});
