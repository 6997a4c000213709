import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { lockDataDirectory, makeDataDirectory } from '../src/data-directory.ts';
import { temporary } from './program.ts';

const modeOf = async (directory: string) => (await stat(directory)).mode & 0o7777;

test('a directory that is made is for its owner only', async (t) => {
  const data = path.join(await temporary(t), 'a', 'b');
  await makeDataDirectory(data);
  t.is(await modeOf(data), 0o700);
});

for (const data of ['/proc/kolejka', '/proc/kolejka/server', '/dev/null', '/dev/null/server']) {
  test(`regression: ${data} cannot be made, which is said and not tried for ever`, async (t) => {
    t.timeout(60_000);
    const error = await t.throwsAsync(makeDataDirectory(data), { instanceOf: GridError });
    t.is(error?.code, 'bad-config');
    t.regex(error?.message ?? '', /^The data directory \/.* cannot be made or used \(E[A-Z]+\)/);
  });
}

test('regression: a directory that is there keeps its mode', async (t) => {
  const data = await temporary(t);
  for (const mode of [0o755, 0o750, 0o2750]) {
    await chmod(data, mode);
    await makeDataDirectory(data);
    t.is(await modeOf(data), mode);
  }
});

test('a directory that others may write into is refused, and left as it is, unless it is a server’s already', async (t) => {
  const data = await temporary(t);
  for (const mode of [0o770, 0o1777]) {
    await chmod(data, mode);
    const error = await t.throwsAsync(makeDataDirectory(data), { instanceOf: GridError });
    t.is(error?.code, 'bad-config');
    t.regex(error?.message ?? '', /^Others may write into/);
    t.is(await modeOf(data), mode);
  }
  await writeFile(path.join(data, 'kolejka.sqlite'), '');
  await t.notThrowsAsync(makeDataDirectory(data));
});

test('a directory is held by one server at a time', async (t) => {
  const directory = await makeDataDirectory(await temporary(t));
  const letGo = lockDataDirectory(directory);
  t.throws(() => lockDataDirectory(directory), { message: /Another kolejka-server is running/ });
  letGo();
  lockDataDirectory(directory)();
});

test('regression: a lock that cannot be used says why, not that another server runs', async (t) => {
  const directory = await makeDataDirectory(await temporary(t));
  await mkdir(directory.lock);
  const error = t.throws(() => lockDataDirectory(directory), { instanceOf: GridError });
  t.is(error.code, 'bad-config');
  t.regex(error.message, /server\.lock cannot be used: /);
});
