// With the real server, and a client that counts downloads.
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openClient } from '@kolejka/client';
import test, { type ExecutionContext } from 'ava';
import { temporary } from '../packages/client/test/listen.ts';
import { startServer } from '../packages/client/test/real-server.ts';
import { BlobCache } from '../packages/foreman/src/blob-cache.ts';

const SIZE = 100_000;

/** One server for all; what is put in one test is as good in another. */
const closings: (() => unknown)[] = [];
const server = await startServer({ teardown: (close: () => unknown) => void closings.push(close) });
const token = server.makeToken('alice');
test.after.always(async () => {
  for (const close of closings.toReversed()) await close();
});

async function openScene(t: ExecutionContext, spaceBytes = 10 * SIZE) {
  const client = openClient({ server: server.address, token });
  t.teardown(() => client.close());
  const directory = temporary(t);
  const said: string[] = [];
  let downloads = 0;
  const counting = {
    showReference: (reference: string, signal?: AbortSignal) => client.showReference(reference, signal),
    downloadTo: async (...given: Parameters<typeof client.downloadTo>) => {
      downloads += 1;
      return await client.downloadTo(...given);
    },
  };
  const options = {
    client: counting,
    directory: path.join(directory, 'cache'),
    spaceBytes,
    log: { say: (what: string) => void said.push(what) },
  };
  let files = 0;
  return {
    options,
    open: () => BlobCache.open(options),
    said,
    downloads: () => downloads,
    put: async (letter: string) => (await client.putBlob(Buffer.alloc(SIZE, letter))).key,
    target: () => path.join(directory, `file${(files += 1)}`),
    names: () => readdir(options.directory),
  };
}

test('a blob is downloaded once for several tasks, under whatever reference, also after a restart', async (t) => {
  const { open, put, target, downloads, names } = await openScene(t);
  const [one, other] = [await put('a'), await put('a')];
  const cache = await open();
  const [first, second, third] = [target(), target(), target()];
  t.is(await cache.downloadTo(one, first), SIZE);
  t.is(await cache.downloadTo(other, second), SIZE);
  t.is(await (await open()).downloadTo(one, third), SIZE);
  for (const file of [first, second, third]) t.is(await readFile(file, 'utf8'), 'a'.repeat(SIZE));
  t.is(downloads(), 1);
  t.is((await names()).length, 1);
});

test('tasks that want a blob at the same time share one download', async (t) => {
  const { open, put, target, downloads } = await openScene(t);
  const reference = await put('a');
  const cache = await open();
  const files = Array.from({ length: 8 }, target);
  await Promise.all(files.map((file) => cache.downloadTo(reference, file)));
  t.is(downloads(), 1);
  for (const file of files) t.is((await stat(file)).size, SIZE);
});

test('when the one who downloads gives up, another goes on', async (t) => {
  const { open, put, target } = await openScene(t);
  const reference = await put('a');
  const cache = await open();
  const stop = new AbortController();
  const file = target();
  const both = Promise.allSettled([
    cache.downloadTo(reference, target(), { signal: stop.signal }),
    cache.downloadTo(reference, file),
  ]);
  stop.abort(new Error('gives up'));
  const [left, right] = await both;
  t.is(left.status, 'rejected');
  t.is(right.status, 'fulfilled');
  t.is(await readFile(file, 'utf8'), 'a'.repeat(SIZE));
});

test('a task that changes its file changes that of no other', async (t) => {
  const { open, put, target } = await openScene(t);
  const reference = await put('a');
  const cache = await open();
  const [changed, next] = [target(), target()];
  await cache.downloadTo(reference, changed);
  await writeFile(changed, 'x', { flag: 'r+' });
  await cache.downloadTo(reference, next);
  t.is(await readFile(next, 'utf8'), 'a'.repeat(SIZE));
});

test('a file of the cache that was changed is noticed and fetched again, while it runs and after a restart', async (t) => {
  const { open, options, put, target, downloads, said, names } = await openScene(t);
  const reference = await put('a');
  let cache = await open();
  await cache.downloadTo(reference, target());
  const [name = ''] = await names();
  const cached = path.join(options.directory, name);
  const { atime, mtime } = await stat(cached);
  await writeFile(cached, 'x', { flag: 'r+' });
  const file = target();
  await cache.downloadTo(reference, file);
  t.is(await readFile(file, 'utf8'), 'a'.repeat(SIZE));
  // After a restart nothing is trusted, whatever its times say.
  await writeFile(cached, 'x', { flag: 'r+' });
  await utimes(cached, atime, mtime);
  cache = await open();
  const last = target();
  await cache.downloadTo(reference, last);
  t.is(await readFile(last, 'utf8'), 'a'.repeat(SIZE));
  t.is(downloads(), 3);
  t.deepEqual(said, ['blob-damaged', 'blob-damaged']);
});

test('the least recently used blob makes room, and one that is larger than the space is not kept', async (t) => {
  const scene = await openScene(t, 2.5 * SIZE);
  const [a, b, c] = [await scene.put('a'), await scene.put('b'), await scene.put('c')];
  const cache = await scene.open();
  for (const reference of [a, b, a, c]) {
    await cache.downloadTo(reference, scene.target());
  }
  t.is((await scene.names()).length, 2);
  t.is(scene.downloads(), 3);
  await cache.downloadTo(a, scene.target());
  t.is(scene.downloads(), 3, 'a was used after b');
  await cache.downloadTo(b, scene.target());
  t.is(scene.downloads(), 4);
  scene.options.spaceBytes = 10;
  const small = await scene.open();
  t.deepEqual(await scene.names(), []);
  await small.downloadTo(a, scene.target());
  t.deepEqual(await scene.names(), []);
});

test('what a killed foreman had not finished is removed, and a cache that cannot be written is done without', async (t) => {
  const { open, options, put, target, names, said } = await openScene(t);
  await mkdir(options.directory);
  await writeFile(path.join(options.directory, 'new-half'), 'half');
  const cache = await open();
  t.deepEqual(await names(), []);
  await rm(options.directory, { recursive: true });
  await writeFile(options.directory, 'in the way');
  const file = target();
  t.is(await cache.downloadTo(await put('a'), file), SIZE);
  t.deepEqual(said, ['blob-not-kept']);
});

test('a reference that does not exist is refused as by a download', async (t) => {
  const { open, target } = await openScene(t);
  const cache = await open();
  await t.throwsAsync(cache.downloadTo('0'.repeat(32), target()), { code: 'not-found' });
});
