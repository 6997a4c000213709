/** What comes in with a task: files, arguments, variables, rules. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { parseTask } from '@kolejka/protocol';
import test from 'ava';
import { openScene, sh } from '../scene.ts';

for (const rule of [
  { glob: '../*' },
  { glob: '/etc/*' },
  { glob: 'a/../../*' },
  { glob: '*', prefix: '../x' },
  { glob: '*', prefix: 'a/../../x' },
  { glob: '*', strip: -1 },
]) {
  test(`hostile input 23: a rule to collect ${JSON.stringify(rule)} is refused with its field`, (t) => {
    const error = t.throws(() => parseTask({ image: 'x', args: ['x'], collect: [rule] }));
    t.regex((error as { field?: string }).field ?? '', /^collect\.0/);
  });
}

/** 64 MiB of zeros, packed a thousandfold. */
const bomb = () => buffer(Readable.from(zeros()).pipe(createGzip({ level: 9 })));

function* zeros() {
  for (let mebibyte = 0; mebibyte < 64; mebibyte += 1) yield Buffer.alloc(1024 ** 2);
}

/** One entry of a tar, with a header that says what it likes (POSIX ustar). */
function tarEntry(name: string, type: string, size: string, link = ''): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(size, 124, 'latin1');
  header.write(type, 156);
  header.write(link, 157);
  header.write('ustar\x0000', 257);
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

const EVIL_TAR = Buffer.concat([
  tarEntry('../outside', '0', '00000000000\0'),
  tarEntry('/tmp/absolute', '0', '00000000000\0'),
  tarEntry('link', '2', '00000000000\0', '/etc'),
  tarEntry('link/through', '0', '00000000000\0'),
  tarEntry('hard', '1', '00000000000\0', '../../etc/passwd'),
  tarEntry('../result-evil/x', '0', '00000000000\0'),
  tarEntry('lies', '0', '77777777777\0'),
  tarEntry('negative', '0', '\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff'),
  tarEntry('pax', 'x', '00000000022\0'),
  Buffer.concat([Buffer.from('18 path=../../pax\n'), Buffer.alloc(494)]),
]);

test('hostile input 33, 34, 35: packed files are bytes, which nothing of ours unpacks, on their way in and out', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const packed = { 'bomb.gz': await bomb(), 'evil.tar': EVIL_TAR };
  const script = 'wc -c bomb.gz evil.tar; cp bomb.gz evil.tar ../result';
  const { result, text, resultDirectory } = await run(sh(script), packed);
  const [gzip, tar] = (await text('out')).split('\n').map((line) => Number.parseInt(line.trim(), 10));
  t.deepEqual([gzip, tar], [packed['bomb.gz'].length, EVIL_TAR.length]);
  t.deepEqual(Object.keys(result.files), ['bomb.gz', 'err', 'evil.tar', 'out']);
  for (const [name, bytes] of Object.entries(packed)) {
    t.true(bytes.equals(await readFile(path.join(resultDirectory, name))), name);
  }
  await isUnharmed();
});

test('hostile input 38: arguments that the kernel does not take are a result that says so', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  // All together may have 6 MiB at most (execve(2), "Limits on size of arguments and environment").
  const { result } = await run({ args: ['echo', ...Array.from({ length: 80 }, () => 'x'.repeat(100_000))] });
  t.is(result.reason, 'image', result.message?.slice(0, 200));
  t.regex(result.message ?? '', /argument list too long/i);
  const none = await run({ args: [] });
  t.is(none.result.reason, 'image');
  t.regex(none.result.message ?? '', /names no command/);
  for (const args of [['a\0b'], ['x'.repeat(2_000_000)], Array.from({ length: 100_000 }, () => 'x')]) {
    t.throws(() => parseTask({ image: 'x', args }), { message: /args/ });
  }
  const odd = ['', ' ', '*', '$HOME', '`id`', '\n', '-n', '\u{1F4A5}'];
  const { text } = await run({ args: ['sh', '-c', 'for arg; do printf "%s\\0" "$arg"; done', 'sh', ...odd] });
  t.deepEqual((await text('out')).split('\0').slice(0, -1), odd);
  await isUnharmed();
});

test('hostile input 39: variables that mean something to programs are set inside and nowhere else', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const before = { ...process.env };
  const many = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`V${index}`, 'x'.repeat(100)]));
  const loud = {
    LD_PRELOAD: '/evil.so',
    PATH: '',
    IFS: 'x',
    NODE_OPTIONS: '--require /evil.js',
    DOCKER_HOST: 'tcp://evil',
  };
  const { result, text } = await run({ args: ['/bin/env'], environment: { ...many, ...loud } });
  t.is(result.reason, 'exit', result.message);
  const seen = (await text('out')).split('\n');
  for (const [name, value] of Object.entries(loud)) t.true(seen.includes(`${name}=${value}`), name);
  t.is(seen.filter((line) => line.startsWith('V')).length, 900);
  t.deepEqual({ ...process.env }, before);
  for (const name of ['A=B', '', 'A\0']) {
    t.throws(() => parseTask({ image: 'x', args: ['x'], environment: { [name]: 'x' } }), { message: /environment/ });
  }
  await isUnharmed();
});
