import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { makeDirectories } from '../src/directory.ts';

const root = mkdtempSync(path.join(tmpdir(), 'kolejka-directory-'));
test.after.always(() => rmSync(root, { recursive: true, force: true }));

test('what is missing is made with its mode, what is there is taken', async (t) => {
  const deep = path.join(root, 'a', 'b', 'c');
  await makeDirectories(deep, 0o700);
  await makeDirectories(deep);
  for (const level of [deep, path.dirname(deep)]) t.is(statSync(level).mode & 0o777, 0o700);
});

test('many may make the same directory at one time', async (t) => {
  const deep = path.join(root, 'many', 'levels', 'deep');
  await Promise.all(Array.from({ length: 20 }, () => makeDirectories(deep)));
  t.true(statSync(deep).isDirectory());
});

test('a link to a directory is a directory, also on the way', async (t) => {
  mkdirSync(path.join(root, 'real'));
  symlinkSync('real', path.join(root, 'link'));
  await makeDirectories(path.join(root, 'link'));
  await makeDirectories(path.join(root, 'link', 'sub'));
  t.true(statSync(path.join(root, 'real', 'sub')).isDirectory());
});

test('a file or a broken link in the way is an error', async (t) => {
  writeFileSync(path.join(root, 'file'), '');
  symlinkSync('nowhere', path.join(root, 'broken'));
  for (const name of ['file', 'file/sub', 'broken', 'broken/sub']) {
    await t.throwsAsync(makeDirectories(path.join(root, name)), { code: 'EEXIST' }, name);
  }
});

test('regression: a directory that cannot be made in one that is there is an error, not a wait without end', async (t) => {
  for (const directory of ['/proc/xx', '/proc/xx/yy']) {
    await t.throwsAsync(makeDirectories(directory), { code: 'ENOENT' });
  }
});
