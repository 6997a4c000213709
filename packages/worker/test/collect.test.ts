import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseTask } from '@kolejka/protocol';
import test from 'ava';
import { collectFiles, type CollectLimits } from '../src/collect.ts';

const LIMITS: CollectLimits = { bytes: 1e6, entries: 1000, depth: 20, names: 1e5 };

async function scene(t: { teardown: (close: () => Promise<void>) => void }, task: object = {}) {
  const root = await mkdtemp(path.join(tmpdir(), 'kolejka-collect-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const at = (name: string) => path.join(root, name);
  const workspace = { task: at('task'), result: at('result'), streams: at('streams') };
  for (const directory of [...Object.values(workspace), at('target')]) await mkdir(directory);
  const put = async (name: string, text = name) => {
    await mkdir(path.dirname(at(name)), { recursive: true });
    await writeFile(at(name), text);
  };
  const collect = (limits = LIMITS) =>
    collectFiles(parseTask({ image: 'x', args: ['x'], ...task }), workspace, at('target'), limits);
  return { at, put, collect };
}

test('what the program wrote to its result directory is the result', async (t) => {
  const { put, collect, at } = await scene(t);
  await put('result/a.txt', 'A');
  await put('result/deep/er/b.txt', 'B');
  const { files, overflow, remarks } = await collect();
  t.deepEqual(Object.keys(files), ['a.txt', 'deep/er/b.txt']);
  t.is(await readFile(at('target/deep/er/b.txt'), 'utf8'), 'B');
  t.is((await stat(at('target/a.txt'))).mode & 0o7777, 0o640);
  t.false(overflow);
  t.deepEqual(remarks, []);
});

test('collect rules strip leading directories, put a prefix in front, and never strip the name itself', async (t) => {
  const { put, collect } = await scene(t, {
    collect: [
      { glob: 'out/**/*.txt', strip: 1 },
      { glob: 'out/**/*.txt', strip: 9, prefix: '/flat/' },
      { glob: '*.log', prefix: 'logs' },
    ],
  });
  await put('task/out/one.txt');
  await put('task/out/sub/two.txt');
  await put('task/out/sub/no.bin');
  await put('task/run.log');
  const { files } = await collect();
  t.deepEqual(Object.keys(files), ['flat/one.txt', 'flat/two.txt', 'logs/run.log', 'one.txt', 'sub/two.txt']);
});

test('stdout wins over a file of the same name that the program made', async (t) => {
  const { put, collect, at } = await scene(t, { stdout: 'out.txt', stderr: 'out.txt' });
  await put('streams/stdout', 'real');
  await put('result/out.txt', 'forged');
  const { files } = await collect();
  t.deepEqual(Object.keys(files), ['out.txt']);
  t.is(await readFile(at('target/out.txt'), 'utf8'), 'real');
});

test('hostile input 20, 21, 22: links to files, to directories and in circles are left out', async (t) => {
  const { put, collect, at } = await scene(t);
  await put('result/kept');
  await symlink('/etc/passwd', at('result/passwd'));
  await symlink('/', at('result/root'));
  await symlink('circle', at('result/circle'));
  const { files, remarks } = await collect();
  t.deepEqual(Object.keys(files), ['kept']);
  t.is(remarks.length, 3);
});

test('hostile input 25, 27: pipes and sockets do not block and are left out', async (t) => {
  const { put, collect, at } = await scene(t);
  await put('result/kept');
  execFileSync('mkfifo', [at('result/pipe')]);
  const { files, remarks } = await collect();
  t.deepEqual(Object.keys(files), ['kept']);
  t.regex(remarks[0] ?? '', /"pipe" was left out/);
});

test('hostile input 28, 29: set-user-id is taken away, hard links are files', async (t) => {
  const { put, collect, at } = await scene(t);
  await put('result/tool');
  await chmod(at('result/tool'), 0o6777);
  await link(at('result/tool'), at('result/twin'));
  const { files } = await collect();
  t.deepEqual(Object.keys(files), ['tool', 'twin']);
  t.is((await stat(at('target/tool'))).mode & 0o7777, 0o640);
});

test('hostile input 18: a sparse file is judged by its apparent size before a byte is read', async (t) => {
  const { put, collect, at } = await scene(t);
  await put('result/a');
  await put('result/sparse', '');
  await truncate(at('result/sparse'), 5e12);
  const { files, overflow, remarks } = await collect();
  t.deepEqual(Object.keys(files), ['a']);
  t.true(overflow);
  t.regex(remarks.join(), /more than 1000000 bytes/);
});

test('hostile input 16, 17: too many entries and too deep directories end the collection, not the worker', async (t) => {
  const { put, collect, at } = await scene(t);
  for (let index = 0; index < 30; index += 1) await put(`result/file-${index}`);
  t.true((await collect({ ...LIMITS, entries: 10 })).overflow);
  await mkdir(at(`result/${'d/'.repeat(50)}`), { recursive: true });
  const { overflow, remarks } = await collect();
  t.false(overflow);
  t.regex(remarks.join(), /too deep/);
});

test('regression: files that a rule takes from the task count with those of the result', async (t) => {
  const { put, collect } = await scene(t, { collect: [{ glob: '*', prefix: 'copies' }] });
  for (let index = 0; index < 8; index += 1) {
    await put(`result/file-${index}`);
    await put(`task/file-${index}`);
  }
  const { overflow, files, remarks } = await collect({ ...LIMITS, entries: 10 });
  t.true(overflow);
  t.is(Object.keys(files).length, 10);
  t.deepEqual(remarks, ['the result has more than 10 files']);
});

test('hostile input 30, 31: strange names are carried, names that are not text or reserved are left out', async (t) => {
  const { put, collect, at } = await scene(t);
  const strange = [
    'new\nline',
    'tab\tquote"',
    ';rm -rf .',
    '-rf',
    '__proto__',
    'constructor',
    'x'.repeat(255),
    '\u202Ertl',
  ];
  for (const name of strange) await put(`result/${name}`, '');
  await put('result/kolejka_result.json', '{"result": 0}');
  await writeFile(Buffer.concat([Buffer.from(at('result/')), Buffer.from([0xff, 0xfe])]), '');
  const { files, remarks } = await collect();
  t.deepEqual(Object.keys(files), strange.toSorted());
  t.is(remarks.length, 1);
});

test('a result file whose place is taken by a directory is left out with a remark', async (t) => {
  const { put, collect } = await scene(t, {
    collect: [
      { glob: 'a', prefix: '' },
      { glob: 'x/y', strip: 1, prefix: 'a' },
    ],
  });
  await put('task/a');
  await put('task/x/y');
  const { files, remarks } = await collect();
  t.deepEqual(Object.keys(files), ['a']);
  t.regex(remarks.join(), /its place is taken/);
});
