import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { type BlobHash, GridError } from '@kolejka/protocol';
import test from 'ava';
import { checkedStore } from '../../src/blobs/checked.ts';
import { openDisk, prepareDisk } from '../../src/blobs/disk.ts';
import type { BlobStore } from '../../src/blobs/store.ts';
import { testStore } from './store-contract.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const roots: string[] = [];
test.after.always(() => Promise.all(roots.map((root) => rm(root, { recursive: true }))));

async function openRoot() {
  const root = await mkdtemp(path.join(tmpdir(), 'kolejka-blobs-'));
  roots.push(root);
  await prepareDisk(root);
  // All files but the lock of this process.
  const kept = async () => {
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile() && entry.name !== 'lock').map((entry) => entry.name);
  };
  return { root, store: openDisk(root), kept };
}

testStore(test, 'disk', openRoot);
testStore(test, 'checked disk', async () => {
  const { store, kept } = await openRoot();
  return { store: checkedStore(store, () => undefined), kept };
});

const put = (text: string) => ({ bytes: Readable.from([Buffer.from(text)]), largest: 1000 });

async function putWhole(store: BlobStore, text: string) {
  const placed = await store.put(put(text));
  placed.stay();
  await placed.settle();
  return placed;
}

test('unfinished files of a server that died are removed at the next start, those of a living one are not', async (t) => {
  const { root, store, kept } = await openRoot();
  await putWhole(store, 'whole');
  await writeFile(path.join(root, 'incoming', 'half'), 'ha');
  await mkdir(path.join(root, 'incoming', 'dead'));
  await writeFile(path.join(root, 'incoming', 'dead', 'half'), 'ha');
  const [own = ''] = (await readdir(path.join(root, 'incoming'))).filter((name) => name.includes('-'));
  await writeFile(path.join(root, 'incoming', own, 'living'), 'li');
  t.is(await prepareDisk(root), 2);
  t.deepEqual(new Set(await kept()), new Set([sha256('whole'), 'living']));
  await store.close();
  t.deepEqual(await readdir(path.join(root, 'incoming')), []);
});

test('uploads of a process that was killed are removed by the next one', async (t) => {
  const { root, kept } = await openRoot();
  const script = `
    const { openDisk } = await import(${JSON.stringify(path.resolve(import.meta.dirname, '../../src/blobs/disk.ts'))});
    async function* endless() { yield Buffer.from('half'); console.log('writing'); await new Promise((resolve) => setTimeout(resolve, 60_000)); }
    await openDisk(process.argv[1]).put({ bytes: endless(), largest: 1000 });`;
  const child = spawn(
    process.execPath,
    ['--conditions=kolejka-source', '--input-type=module', '--eval', script, '--', root],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  t.is(await prepareDisk(root), 0);
  t.is((await kept()).length, 1);
  child.kill('SIGKILL');
  await once(child, 'close');
  t.is(await prepareDisk(root), 1);
  t.deepEqual(await kept(), []);
});

test('a full disk is said in one sentence, nothing is left, and there is room again afterwards', async (t) => {
  const { root } = await openRoot();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', root]);
  if (mounted.status !== 0) return t.log('skipped: mounting a small disk takes root');
  t.teardown(() => void spawnSync('umount', ['-l', root]));
  await prepareDisk(root);
  const store = openDisk(root);
  const large = () => ({ bytes: Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(65_536))), largest: 1e9 });
  const error = await t.throwsAsync(store.put(large()), { instanceOf: GridError });
  t.is(error?.code, 'no-space');
  await putWhole(store, 'x'.repeat(1000));
  t.deepEqual(
    (await readdir(root, { recursive: true })).filter((name) => name.includes('/') && !name.endsWith('/lock')).length,
    // The directory of this process, and the blob.
    2,
  );
  await store.close();
});

test('blobs can be read by the owner of the server only', async (t) => {
  const { root, store } = await openRoot();
  const { hash } = await putWhole(store, 'secret');
  t.is((await stat(path.join(root, hash.slice(0, 2), hash))).mode & 0o777, 0o600);
});

test('bytes that have changed on disk break off before the end, and are healed by the next upload', async (t) => {
  const { root, store } = await openRoot();
  const damaged: BlobHash[] = [];
  const checked = checkedStore(store, (hash) => void damaged.push(hash));
  const { hash } = await putWhole(checked, 'hello');
  await writeFile(path.join(root, hash.slice(0, 2), hash), 'hallo');
  await t.throwsAsync(async () => buffer((await checked.get(hash))?.bytes as Readable), { message: /damaged/ });
  t.deepEqual(damaged, [hash]);
  await putWhole(checked, 'hello');
  t.is((await buffer((await checked.get(hash))?.bytes as Readable)).toString(), 'hello');
});

test('regression: bytes that a server had placed when it died are placed again, however often, and leave no copy', async (t) => {
  const { store, kept } = await openRoot();
  const directory = path.join(store.uploads, 'one');
  await mkdir(directory);
  const file = path.join(directory, 'bytes');
  await writeFile(file, 'whole');
  // As if it had been killed before its row was committed.
  const blob = { hash: sha256('whole') as BlobHash, size: 5 };
  for (let deaths = 0; deaths < 3; deaths += 1) await store.adopt(file, blob);
  // And in the middle of placing, by a server that did not tidy up.
  await writeFile(`${file}.copy`, 'whole');
  const placed = await store.adopt(file, blob);
  placed.stay();
  await placed.settle();
  t.deepEqual(await kept(), [blob.hash]);
});
