/** What every kind of bounded directory does. */
import { mkdtemp, open, readdir, realpath, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Bounded, type BoundedKind, makeBounded, releaseBounded, roomFor } from '../src/bounded.ts';
import { listMounts } from '../src/mounts.ts';
import { noMountIsLeft } from './left.ts';

const MIB = 1024 ** 2;

type Make = (name: string, bytes: number) => Promise<Bounded>;

/** A directory to make bounded ones in; all are released at the end, and nothing of them is there then. */
async function openMaker(t: ExecutionContext, kind: BoundedKind): Promise<Make> {
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), 'kolejka-bounded-')));
  const made: string[] = [];
  t.teardown(async () => {
    await releaseBounded(made);
    await rm(directory, { recursive: true });
  });
  return async (name, bytes) => {
    made.push(path.join(directory, name));
    return await makeBounded(kind, path.join(directory, name), bytes, 'workspace');
  };
}

/** Writes zeros until it is refused; answers how many were taken, and by which error. */
async function fill(file: string): Promise<{ bytes: number; code: string | undefined }> {
  const handle = await open(file, 'wx');
  const block = Buffer.alloc(64 * 1024);
  let bytes = 0;
  try {
    for (;;) bytes += (await handle.write(block)).bytesWritten;
  } catch (error) {
    return { bytes, code: (error as NodeJS.ErrnoException).code };
  } finally {
    await handle.close();
  }
}

for (const kind of ['file', 'memory'] as const) {
  for (const bytes of [0, MIB, 40 * MIB]) {
    test(`${kind}: ${bytes} bytes fit, and hardly more`, async (t) => {
      const { directory, isFull } = await (await openMaker(t, kind))('one', bytes);
      t.false(await isFull());
      const filled = await fill(path.join(directory, 'big'));
      t.is(filled.code, 'ENOSPC');
      t.true(filled.bytes >= bytes && filled.bytes <= roomFor(bytes), `${filled.bytes} of ${bytes}`);
      t.true(await isFull());
      await rm(path.join(directory, 'big'));
      t.false(await isFull());
    });
  }

  test(`${kind}: files are bounded too, and a directory that is full of them is known as full`, async (t) => {
    const { directory, isFull } = await (await openMaker(t, kind))('one', MIB);
    const error = await t.throwsAsync(async () => {
      for (let count = 0; count < 2000; count += 1) await writeFile(path.join(directory, `${count}`), '');
    });
    t.is((error as NodeJS.ErrnoException).code, 'ENOSPC');
    t.true((await readdir(directory)).length > 900);
    t.true(await isFull());
  });

  test(`${kind}: a new one is empty, devices and set-user-id programs do not work there`, async (t) => {
    const { directory } = await (await openMaker(t, kind))('one', MIB);
    t.deepEqual(await readdir(directory), []);
    t.is((await stat(directory)).mode & 0o777, 0o755);
    const mount = (await listMounts()).find(({ at }) => at === directory);
    for (const option of ['nosuid', 'nodev', 'noatime']) t.true(mount?.options.includes(option), option);
  });

  test(`${kind}: several are made at one time, each with its own bound, and nothing of them is left`, async (t) => {
    const make = await openMaker(t, kind);
    const sizes = [4, 5, 6, 7, 8, 9].map((mib) => mib * MIB);
    const all = await Promise.all(sizes.map((bytes, index) => make(`${index}`, bytes)));
    for (const [index, { directory }] of all.entries()) {
      const { bavail, bsize } = await statfs(directory);
      const bytes = sizes[index] ?? 0;
      t.true(bavail * bsize >= bytes && bavail * bsize <= roomFor(bytes));
      await fill(path.join(directory, 'big'));
    }
    await releaseBounded(all.map(({ directory }) => directory));
    const above = path.dirname(all[0]?.directory ?? '');
    await noMountIsLeft(t, above);
    for (const { directory } of all) t.deepEqual(await readdir(directory), []);
  });
}
