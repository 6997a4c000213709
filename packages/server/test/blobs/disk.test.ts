import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import type { BlobHash } from '@kolejka/protocol';
import test from 'ava';
import { checkedStore } from '../../src/blobs/checked.ts';
import { openDisk, prepareDisk } from '../../src/blobs/disk.ts';
import { testStore } from './store-contract.ts';

const roots: string[] = [];
test.after.always(() => Promise.all(roots.map((root) => rm(root, { recursive: true }))));

async function openRoot() {
  const root = await mkdtemp(path.join(tmpdir(), 'kolejka-blobs-'));
  roots.push(root);
  await prepareDisk(root);
  const kept = async () => (await readdir(root, { recursive: true })).filter((name) => name.includes('/'));
  return { root, store: openDisk(root), kept };
}

testStore(test, 'disk', openRoot);
testStore(test, 'checked disk', async () => {
  const { store, kept } = await openRoot();
  return { store: checkedStore(store, () => undefined), kept };
});

const put = (text: string) => ({ bytes: Readable.from([Buffer.from(text)]), largest: 1000 });

test('unfinished files of a server that died are removed at the next start', async (t) => {
  const { root, store, kept } = await openRoot();
  await store.put(put('whole'));
  await writeFile(path.join(root, 'incoming', 'half'), 'ha');
  t.is(await prepareDisk(root), 1);
  t.is((await kept()).length, 1);
});

test('blobs can be read by the owner of the server only', async (t) => {
  const { root, store } = await openRoot();
  const { hash } = await store.put(put('secret'));
  t.is((await stat(path.join(root, hash.slice(0, 2), hash))).mode & 0o777, 0o600);
});

test('bytes that have changed on disk break off before the end, and are healed by the next upload', async (t) => {
  const { root, store } = await openRoot();
  const damaged: BlobHash[] = [];
  const checked = checkedStore(store, (hash) => void damaged.push(hash));
  const { hash } = await checked.put(put('hello'));
  await writeFile(path.join(root, hash.slice(0, 2), hash), 'hallo');
  await t.throwsAsync(async () => buffer((await checked.get(hash))?.bytes as Readable), { message: /damaged/ });
  t.deepEqual(damaged, [hash]);
  await checked.put(put('hello'));
  t.is((await buffer((await checked.get(hash))?.bytes as Readable)).toString(), 'hello');
});
