import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { ReferenceKey } from '@kolejka/protocol';
import test from 'ava';
import { openStore } from '../../src/database/open.ts';
import { findUse } from '../../src/database/quotas.ts';
import { changeOwner, findReference, giveUpReference, type ReferenceRow } from '../../src/database/references.ts';
import { changeUser, findUser } from '../../src/database/users.ts';
import { ENGINES } from '../engines.ts';
import { openScene, type Scene } from '../server-scene.ts';
import { openKeeping } from './keeping-scene.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const files = async ({ data }: Scene) => {
  const entries = await readdir(path.join(data, 'blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name !== 'lock').map(({ name }) => name);
};

for (const engine of ENGINES) {
  engine.test(`${engine.name}: what a user keeps is counted, each blob once`, async (t) => {
    const scene = await openKeeping(t, engine);
    const { store, owner, upload } = scene;
    const other = await scene.addUser('other');
    const used = async () => {
      const [one, two] = await store.read((db) => Promise.all([findUse(db, owner), findUse(db, other)]));
      return [one.used_bytes, two.used_bytes];
    };
    const giveUp = (key: ReferenceKey) =>
      store.write(async (db) => giveUpReference(db, (await findReference(db, key)) as ReferenceRow, 1));
    const [first, second] = [await upload('hello'), await upload('hello')];
    const third = await upload('four', owner);
    t.deepEqual(await used(), [9, 0]);
    await giveUp(first);
    t.deepEqual(await used(), [9, 0]);
    await store.write((db) => changeOwner(db, second, other));
    t.deepEqual(await used(), [4, 5]);
    await upload('hello', other);
    await store.write((db) => changeOwner(db, second, owner));
    t.deepEqual(await used(), [9, 5]);
    await store.write((db) => changeOwner(db, second, owner));
    t.deepEqual(await used(), [9, 5]);
    await giveUp(second);
    await giveUp(third);
    t.deepEqual(await used(), [0, 5]);
    t.deepEqual(await store.read((db) => db.all('select claims from holdings')), [{ claims: 1 }]);
  });
}

test('more than the quota is refused before it is read, and nothing of it is kept', async (t) => {
  const scene = await openScene(t, { settings: { quota_bytes: 10 } });
  await scene.upload('client', 'hello');
  // The body never comes: the answer does.
  const { hostname, port } = new URL(scene.url());
  const early = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const headers = { ...scene.authorization('client'), 'content-length': 6 };
    const asked = request({ hostname, port, path: '/blob/reference/', method: 'POST', headers });
    asked.on('error', reject);
    asked.on('response', (response) => {
      response.on('data', (text) => {
        resolve({ status: response.statusCode, text: String(text) });
        asked.destroy();
      });
    });
    asked.flushHeaders();
  });
  t.is(early.status, 413);
  t.regex(early.text, /You may keep 5 bytes more here.*"bytes-quota-reached"/);
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(Buffer.from('123456'));
      controller.close();
    },
  });
  t.is((await scene.as('client', '/blob/reference/', { body })).json['code'], 'bytes-quota-reached');
  t.deepEqual(await files(scene), [sha256('hello')]);
  t.is((await scene.as('client', '/blob/reference/', { body: '12345' })).status, 200);
  // What is kept already costs nothing more.
  t.is((await scene.as('client', `/blob/blob/${sha256('hello')}/`, { method: 'POST' })).status, 200);
  t.is((await scene.as('other', '/blob/reference/', { body: 'of another' })).status, 200);
});

test('links count as uploads do, and what is given up makes room', async (t) => {
  const scene = await openScene(t, { settings: { quota_bytes: 10 } });
  const key = await scene.upload('client', 'hello');
  await scene.upload('other', '123456');
  const link = () => scene.as('client', `/blob/blob/${sha256('123456')}/`, { method: 'POST' });
  t.is((await link()).status, 413);
  const many = { hashes: [sha256('hello'), sha256('123456')] };
  t.is((await scene.as('client', '/blob/references/', { json: many })).status, 413);
  t.like((await scene.as('client', `/blob/blob/${sha256('hello')}/`, { method: 'PUT' })).json['blob'], {
    references: 1,
  });
  await scene.as('client', `/blob/reference/${key}/`, { method: 'DELETE' });
  t.is((await link()).status, 200);
});

test('of uploads at the same time that are too much together, some are refused and leave nothing', async (t) => {
  const scene = await openScene(t, { settings: { quota_bytes: 25 } });
  const sent = Array.from({ length: 8 }, (_, index) =>
    scene.as('client', '/blob/reference/', { body: `ten bytes${index}` }),
  );
  const statuses = (await Promise.all(sent)).map(({ status }) => status);
  t.deepEqual(
    statuses.toSorted((one, other) => one - other),
    [200, 200, 413, 413, 413, 413, 413, 413],
  );
  t.is((await files(scene)).length, 2);
});

test('those who hand in results have a quota only when it was set for them', async (t) => {
  const scene = await openScene(t, { settings: { quota_bytes: 10 } });
  t.is((await scene.as('foreman', '/blob/reference/', { body: 'a long output of a task' })).status, 200);
  const store = await openStore(path.join(scene.data, 'kolejka.sqlite'));
  await store.write(async (db) => {
    await changeUser(db, (await findUser(db, 'foreman'))?.id as number, { quota_bytes: 30 });
    await changeUser(db, (await findUser(db, 'client'))?.id as number, { quota_bytes: 1000 });
  });
  await store.close();
  t.is((await scene.as('foreman', '/blob/reference/', { body: 'another output' })).status, 413);
  t.is((await scene.as('client', '/blob/reference/', { body: 'more than ten bytes' })).status, 200);
});
