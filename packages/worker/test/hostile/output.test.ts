import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { openScene, sh } from '../scene.ts';

test('hostile input 13, 14: endless output, of one line without end, is cut, the program ended, and nothing of it kept in memory', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const before = process.memoryUsage().rss;
  let peak = before;
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 50);
  const { result, resultDirectory } = await run({ args: ['cat', '/dev/zero'], limits: { time: '100s' } });
  clearInterval(sampler);
  t.is(result.reason, 'output');
  t.is((await stat(path.join(resultDirectory, 'out'))).size, 256 * 1024 ** 2);
  t.true(peak - before < 128 * 1024 ** 2, `${peak - before} bytes more memory`);
  await isUnharmed();
});

test('hostile input 14: output is bytes, whatever they are', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const { result, resultDirectory } = await run(sh(String.raw`printf '\377\000\033[31m\n\303'`));
  t.is(result.reason, 'exit');
  const bytes = await readFile(path.join(resultDirectory, 'out'));
  t.is(bytes.toString('hex'), 'ff001b5b33316d0ac3');
  await isUnharmed();
});

test('hostile input 14: a program that closes its output goes on to its end', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const { result, text } = await run(sh('echo one; exec >&- 2>&-; sleep 0.3; echo two; exit 5'));
  t.is(result.result, 5);
  t.is(result.reason, 'exit');
  t.is(await text('out'), 'one\n');
  t.is(await text('err'), '');
  await isUnharmed();
});
