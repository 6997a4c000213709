import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { build, openScene, sh } from '../scene.ts';

const MEBIBYTE = 1024 ** 2;
const limits = { memory: '32M', swap: 0 };

test('hostile input 3, 7: a program over its memory limit is ended for memory, and swaps nothing', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const { result } = await run({ ...sh('exec tail /dev/zero'), limits });
  t.is(result.reason, 'memory', result.message);
  t.is(result.result, 137);
  t.true((result.stats.memory_oom_kills ?? 0) >= 1);
  t.true((result.stats.memory_max_usage ?? 0) <= 32 * MEBIBYTE);
  // With swap counted, the peak of both together must not be over the limit of memory alone.
  t.true((result.stats.memory_max_swap ?? 0) <= 0, `${result.stats.memory_max_swap} bytes of swap`);
  await isUnharmed();
});

test('hostile input 4: a child killed for memory is the reason although its parent exits 0', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const { result, text } = await run({ ...sh('tail /dev/zero; echo still here'), limits });
  t.is(result.result, 0);
  t.is(result.reason, 'memory', result.message);
  t.true((result.stats.memory_oom_kills ?? 0) >= 1);
  t.is(await text('out'), 'still here\n');
  await isUnharmed();
});

test('hostile input 6: page tables count as memory', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const program = await readFile(path.join(import.meta.dirname, 'programs/page-tables.c'), 'utf8');
  const { result, text } = await run(
    { ...build('page-tables.c', 'exec ./program'), limits },
    { 'page-tables.c': program },
  );
  t.is(await text('err'), '');
  t.is(result.reason, 'memory', `${result.result}: ${await text('out')}`);
  t.true((result.stats.memory_max_usage ?? 0) <= 32 * MEBIBYTE);
  await isUnharmed();
});
