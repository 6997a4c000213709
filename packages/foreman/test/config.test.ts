import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readForemanConfig } from '../src/config.ts';

for (const name of Object.keys(process.env)) if (name.startsWith('KOLEJKA_')) delete process.env[name];

function read(t: ExecutionContext, conf: string, flags: Record<string, string> = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-conf-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const configFile = path.join(directory, 'kolejka.conf');
  writeFileSync(configFile, conf);
  const { server, username, password, token } = readForemanConfig({ configFile }, flags);
  return { server, username, password, token };
}

const CLIENT = '[client]\nserver = http://grid.example\nusername = ann\npassword = one\n';

test('a foreman that is told nothing is who the client is', (t) => {
  t.deepEqual(read(t, CLIENT), {
    server: 'http://grid.example',
    username: 'ann',
    password: 'one',
    token: undefined,
  });
});

test('regression: flags count although the server is that of the client', (t) => {
  t.deepEqual(read(t, CLIENT, { username: 'node', password: 'pw' }), {
    server: 'http://grid.example',
    username: 'node',
    password: 'pw',
    token: undefined,
  });
});

test('each value of [foreman] wins, the others are those of [client]', (t) => {
  const { server, username, password } = read(t, `${CLIENT}[foreman]\nserver = http://other.example\n`);
  t.deepEqual([server, username, password], ['http://other.example', 'ann', 'one']);
});

test('the token of the client is not used beside a name of the foreman, nor the reverse', (t) => {
  const withToken = '[client]\nserver = http://grid.example\ntoken = abc\n';
  t.is(read(t, withToken, { username: 'node', password: 'pw' }).token, undefined);
  t.is(read(t, withToken).token, 'abc');
  t.is(read(t, CLIENT, { token: 'abc' }).username, undefined);
});

test('without a server the start is refused', (t) => {
  t.throws(() => read(t, '[foreman]\nusername = node\n'), { code: 'bad-config', message: /No server is given/ });
});

test('regression: --config chooses the section that says where the server is, and the rest is in [foreman]', (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-conf-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const configFile = path.join(directory, 'kolejka.conf');
  const other = '[other]\nserver = http://other.example\nusername = node\npassword = two\nmemory = 1M\n';
  writeFileSync(configFile, `${CLIENT}${other}[foreman]\nserver = http://own.example\nconcurency = 3\nmemory = 1G\n`);
  const config = readForemanConfig({ configFile, config: 'other' }, { password: 'three', memory: '2G' });
  t.like(config, { server: 'http://other.example', username: 'node', password: 'three', concurency: 3 });
  t.is(config.limits.memory, 2 * 1024 ** 3);
  t.throws(() => readForemanConfig({ configFile, config: 'none' }, {}), { message: /has no section \[none\]/ });
});

test('regression: `off` and a misspelt word are no yes', (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-conf-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const configFile = path.join(directory, 'kolejka.conf');
  writeFileSync(configFile, `${CLIENT}[foreman]\nauto_tags = off\npull = off\n`);
  const { auto_tags, pull } = readForemanConfig({ configFile }, {});
  t.deepEqual({ auto_tags, pull }, { auto_tags: false, pull: false });
  const message = '--auto-tags: "maybe" is neither yes nor no';
  t.throws(() => readForemanConfig({ configFile }, { auto_tags: 'maybe' }), { code: 'bad-config', message });
});
