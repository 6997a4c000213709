import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseConfFile } from '@kolejka/program';
import test, { type ExecutionContext } from 'ava';
import { prepareAccounts, printClient } from '../src/accounts.ts';

const ADDRESS = 'http://127.0.0.1:8000';

async function temporary(t: ExecutionContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-accounts-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const prepare = (address = ADDRESS) => prepareAccounts(path.join(directory, 'server'), address, directory);
  return { file: path.join(directory, 'kolejka.conf'), prepare };
}

async function sections(file: string) {
  const found = parseConfFile(await readFile(file, 'utf8'), file);
  return {
    client: Object.fromEntries(found.get('client') ?? []),
    foreman: Object.fromEntries(found.get('foreman') ?? []),
  };
}

test('the file is for its owner only, and is made of an address, a password and a token', async (t) => {
  const { file, prepare } = await temporary(t);
  t.is(await prepare(), file);
  t.is((await stat(file)).mode & 0o777, 0o600);
  const { client, foreman } = await sections(file);
  t.deepEqual(Object.keys(client), ['server', 'username', 'password']);
  t.deepEqual(Object.keys(foreman), ['server', 'token']);
});

test('the password stays, address and token of the foreman are new at each start', async (t) => {
  const { file, prepare } = await temporary(t);
  await prepare();
  const before = await sections(file);
  await prepare('http://127.0.0.1:9000');
  const after = await sections(file);
  t.deepEqual(after.client, { ...before.client, server: 'http://127.0.0.1:9000' });
  t.not(after.foreman['token'], before.foreman['token']);
});

test('a file that was lost is made again, with a token in place of the password nobody knows', async (t) => {
  const { file, prepare } = await temporary(t);
  await prepare();
  await rm(file);
  await prepare();
  t.deepEqual(Object.keys((await sections(file)).client), ['server', 'token']);
});

test("regression: an operator's own values outlive a start", async (t) => {
  const { file, prepare } = await temporary(t);
  await prepare();
  const { client } = await sections(file);
  await writeFile(file, `# ours\n${await readFile(file, 'utf8')}memory = 4G\n\n[extra]\nserver = elsewhere\n`);
  await prepare();
  const text = await readFile(file, 'utf8');
  t.true(text.startsWith('# ours\n'));
  t.regex(text, /\[extra\]\nserver = elsewhere\n$/);
  const after = await sections(file);
  t.is(after.foreman['memory'], '4G');
  t.deepEqual(after.client, client);
});

test('regression: a password may hold what begins a comment elsewhere', async (t) => {
  const { file, prepare } = await temporary(t);
  const password = 'a;b#c%d';
  await writeFile(file, '[client]\nusername = client\npassword = a;b#c%%d\n');
  await prepare();
  t.is((await sections(file)).client['password'], password);
  t.deepEqual(await printClient(file), ['[client]', `server = ${ADDRESS}`, 'username = client', 'password = a;b#c%%d']);
});
