import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { Disk } from '../src/disk.ts';

test('a disk that has not failed is not asked', async (t) => {
  t.is(await new Disk('/dev/null/runs').recover(), 0);
});

test('regression: a directory that cannot be made is refused with what to do, not tried without end', async (t) => {
  for (const temp of ['/proc/kolejka', '/dev/null/runs']) {
    const refused = await t.throwsAsync(new Disk(temp).test(), { code: 'node-unfit' });
    t.regex(refused.message, /cannot be written .*: make room there, or choose another --temp;/);
  }
});

test('regression: after a failure nothing is taken until the disk can be written', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-disk-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const temp = path.join(directory, 'runs');
  await writeFile(temp, 'in the way of the directory');
  const disk = new Disk(temp);
  disk.failed();
  const refused = await t.throwsAsync(disk.recover(), { code: 'node-unfit' });
  t.regex(refused.message, /runs cannot be written/);
  await t.throwsAsync(disk.recover(), { code: 'node-unfit' }, 'as long as it cannot');
  await rm(temp);
  t.true((await disk.recover()) > 0);
  t.is(await disk.recover(), 0);
  t.deepEqual(await readdir(temp), []);
});

test('pauses grow with failures in a row, and begin anew once a task went through', async (t) => {
  const temp = await mkdtemp(path.join(tmpdir(), 'kolejka-disk-'));
  t.teardown(() => rm(temp, { recursive: true }));
  const disk = new Disk(temp);
  const pauses: number[] = [];
  for (let inARow = 1; inARow <= 8; inARow += 1) {
    disk.failed();
    pauses.push(await disk.recover());
  }
  t.true((pauses[0] ?? 0) <= 250 && (pauses[7] ?? 0) >= 7500, String(pauses));
  disk.succeeded();
  disk.failed();
  t.true((await disk.recover()) <= 250);
});
