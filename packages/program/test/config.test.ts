import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GridError, parseBytes, parseCount } from '@kolejka/protocol';
import test from 'ava';
import { chooseSection, configDirectories, parseString, readConfig, withoutSecrets } from '../src/config.ts';

const TABLE = {
  server: { parse: parseString, env: 'KOLEJKA_SERVER', about: 'where the server is' },
  password: { parse: parseString, env: 'KOLEJKA_PASSWORD', secret: true, about: 'password' },
  memory: { parse: parseBytes, default: 1024, about: 'memory' },
  pin: { parse: parseCount, secret: true, about: 'a secret that can be malformed' },
} as const;

const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-config-test-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
function confFile(text: string): string {
  files += 1;
  const file = path.join(directory, `${files}.conf`);
  writeFileSync(file, text);
  return file;
}

function read(text: string, flags: Record<string, unknown> = {}, env: NodeJS.ProcessEnv = {}) {
  return readConfig(TABLE, { section: 'client', file: confFile(text), flags, env });
}

test('a flag wins over the environment, that over the section, that over [default], that over the default', (t) => {
  const text = '[default]\nserver = shared\nmemory = 1k\n[client]\nserver = own\n';
  const env = { KOLEJKA_SERVER: 'from-env' };
  t.is(read(text, { server: 'from-flag' }, env).server, 'from-flag');
  t.is(read(text, {}, env).server, 'from-env');
  t.is(read(text).server, 'own');
  t.is(read('[default]\nserver = shared\n[client]\n').server, 'shared');
  t.is(read(text).memory, 1024);
  t.is(read('[client]\nmemory = 64M\n').memory, 64 * 1024 ** 2);
  t.is(read('').memory, 1024);
  t.is(read('').server, undefined);
});

test('an empty variable of the environment is not given', (t) => {
  t.is(read('[client]\nserver = own\n', {}, { KOLEJKA_SERVER: '' }).server, 'own');
});

test('a value goes to the end of its line, as the original reads it', (t) => {
  for (const password of [
    'a;b',
    'a#b',
    '"quoted"',
    'null',
    'true',
    'x = y',
    'a:b',
    '  inner  spaces'.trim(),
    'ąę',
    '[x]',
  ]) {
    t.is(read(`[client]\npassword = ${password}\n`).password, password);
  }
  t.is(read('[client]\r\nPassword: 100%%\r\n').password, '100%');
  t.is(read('; no\n# no\n[client]\n  # no\npassword =one\n  two\n').password, 'one\ntwo');
});

test('an unknown key of the section is an error that names file and key', (t) => {
  const error = t.throws(() => read('[client]\nsrever = x\n'), { instanceOf: GridError });
  t.is(error.code, 'bad-config');
  t.regex(error.message, /\.conf: \[client\] has an unknown key "srever"/);
});

test('unknown keys of [default] and of other sections are left alone', (t) => {
  t.is(read('[default]\nconfig = client\nconcurency = 4\n[foreman]\nx = y\n[client]\nserver = own\n').server, 'own');
});

test('a bad value names where it comes from: flag, file and section', (t) => {
  t.regex(t.throws(() => read('[client]\nmemory = lots\n')).message, /\[client\] memory: "lots" is not a size/);
  t.regex(t.throws(() => read('', { memory: 'lots' })).message, /--memory: "lots"/);
});

test('a secret that cannot be used is not shown in the error', (t) => {
  const error = t.throws(() => read('[client]\npin = hunter2\n'), { instanceOf: GridError });
  t.notRegex(error.message, /hunter2/);
});

test('a malformed line is named by its number and its text is not shown', (t) => {
  for (const [text, pattern] of [
    ['[client]\nserver = x\nhunter2\n', /line 3 is neither/],
    ['password = hunter2\n', /line 1 stands before the first/],
    ['[client]\nserver = x\n[client]\nSERVER = hunter2\n', /line 4 gives server a second time/],
  ] as const) {
    const error = t.throws(() => read(text), { instanceOf: GridError });
    t.is(error.code, 'bad-config');
    t.regex(error.message, pattern);
    t.notRegex(error.message, /hunter2/);
  }
});

test('names of the language are names like others', (t) => {
  t.regex(t.throws(() => read('[client]\n__proto__ = x\n')).message, /unknown key "__proto__"/);
  t.is(
    readConfig(TABLE, { section: '__proto__', file: confFile('[client]\nserver = x\n'), env: {} }).server,
    undefined,
  );
});

test('a configuration file that is named must be there', (t) => {
  const error = t.throws(() => readConfig(TABLE, { section: 'client', file: path.join(directory, 'none'), env: {} }), {
    instanceOf: GridError,
  });
  t.regex(error.message, /none cannot be read/);
});

test("the user's file is found before the system's", (t) => {
  const user = path.join(directory, 'user');
  mkdirSync(path.join(user, 'kolejka'), { recursive: true });
  writeFileSync(path.join(user, 'kolejka', 'kolejka.conf'), '[client]\nserver = of-the-user\n');
  const env = { XDG_CONFIG_HOME: user, HOME: directory };
  t.is(readConfig(TABLE, { section: 'client', env }).server, 'of-the-user');
  t.deepEqual(configDirectories(env), [path.join(user, 'kolejka'), '/etc/kolejka', '/etc/xdg/kolejka']);
});

test('the section is chosen by --config, else by [default], else it is the usual one', (t) => {
  const file = confFile('[default]\nconfig = dev\n[dev]\nserver = x\n[test]\nserver = y\n');
  t.is(chooseSection('test', 'client', { file }), 'test');
  t.is(chooseSection(undefined, 'client', { file }), 'dev');
  t.is(chooseSection(undefined, 'client', { file: confFile('[client]\n') }), 'client');
});

test('a chosen section that is not in the file is an error', (t) => {
  const error = t.throws(() => chooseSection('nowhere', 'client', { file: confFile('[client]\n') }), {
    instanceOf: GridError,
  });
  t.is(error.code, 'bad-config');
  t.regex(error.message, /has no section \[nowhere\]/);
});

test('regression: a section that a program is told to use must be there', (t) => {
  const file = confFile('[server]\nserver = x\n[other]\nserver = y\n');
  const readChosen = (chosen: string | undefined) =>
    readConfig(TABLE, { section: 'server', chosen, file, env: {} }).server;
  t.is(readChosen(undefined), 'x');
  t.is(readChosen('other'), 'y');
  const error = t.throws(() => readChosen('nowhere'), { instanceOf: GridError });
  t.deepEqual([error.code, error.field], ['bad-config', 'config']);
  t.regex(error.message, /has no section \[nowhere\]/);
  const env = { HOME: directory, XDG_CONFIG_DIRS: directory };
  t.throws(() => readConfig(TABLE, { section: 'server', chosen: 'nowhere', env }), {
    message: /there is no configuration file/,
  });
});

test('regression: an empty XDG variable counts as one that is not set', (t) => {
  t.deepEqual(configDirectories({ HOME: '/home/me', XDG_CONFIG_HOME: '', XDG_CONFIG_DIRS: '' }), [
    '/home/me/.config/kolejka',
    '/etc/kolejka',
    '/etc/xdg/kolejka',
  ]);
});

test('secrets are dots where the configuration is shown', (t) => {
  t.deepEqual(withoutSecrets(TABLE, { server: 'x', password: 'hunter2', memory: undefined }), {
    server: 'x',
    password: '•••',
  });
});

test('regression: a variable of ours that is no setting is refused, those of container services are not', (t) => {
  const readEnv = (env: NodeJS.ProcessEnv) =>
    readConfig(TABLE, { section: 'client', file: confFile(''), env, envPrefix: 'KOLEJKA_' });
  t.is(
    readEnv({ KOLEJKA_SERVER: 'there', KOLEJKA_PORT_80_TCP: 'x', KOLEJKA_SERVICE_HOST: 'y', OTHER: 'z' }).server,
    'there',
  );
  t.like(
    t.throws(() => readEnv({ KOLEJKA_PASWORD: 'secret' }), { instanceOf: GridError }),
    {
      code: 'bad-config',
      message: 'The environment has KOLEJKA_PASWORD, which is no setting.',
    },
  );
});

test('regression: a wrong argument is called as the command line calls it', (t) => {
  const readPin = () =>
    readConfig(TABLE, { section: 'client', file: confFile(''), flags: { memory: 'x' }, called: { memory: 'AMOUNT' } });
  t.regex(t.throws(readPin, { instanceOf: GridError }).message, /^AMOUNT: /);
});

test('regression: a place that cannot be looked at is named, and so is the reason', (t) => {
  // A name that is too long fails for root too, as a directory without rights does for others.
  const env = { XDG_CONFIG_HOME: `/${'x'.repeat(300)}` };
  const error = t.throws(() => readConfig(TABLE, { section: 'client', env }), { instanceOf: GridError });
  t.is(error.code, 'bad-config');
  t.regex(error.message, /cannot be looked for \(ENAMETOOLONG\): name a file with --config-file/);
  const unreadable = () => readConfig(TABLE, { section: 'client', file: directory, env: {} });
  t.regex(t.throws(unreadable, { instanceOf: GridError }).message, /cannot be read \(EISDIR\)/);
});
