import { createHash } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { realClock } from '@kolejka/program';
import test from 'ava';
import Database from 'better-sqlite3';
import { openScene } from '../server-scene.ts';
import { until } from '../until.ts';

const HOUR_MS = 3_600_000;
const at = `/blob/blob/${createHash('sha256').update('hello').digest('hex')}/`;

test('a server collects by itself when it is told to, in its time of grace a blob is linked again', async (t) => {
  let ahead = 0;
  const clock = {
    ...realClock,
    now: () => Date.now() + ahead,
    sleep: (milliseconds: number, signal?: AbortSignal) => realClock.sleep(Math.min(milliseconds, 50), signal),
  };
  const scene = await openScene(t, { clock, settings: { gc_interval: 60_000, blob_grace: HOUR_MS } });
  const giveUp = async (key: string) => scene.as('client', `/blob/reference/${key}/`, { method: 'DELETE' });
  await giveUp(await scene.upload('client', 'hello'));
  const database = new Database(path.join(scene.data, 'kolejka.sqlite'), { readonly: true });
  t.teardown(() => database.close());
  const condemned = () => database.prepare('select condemned_ms from blobs').pluck().get() as number | null;
  ahead = HOUR_MS;
  await until(() => condemned() !== null);
  // It is still there.
  const { json } = await scene.as('client', at, { method: 'POST' });
  t.is(condemned(), null);
  ahead = 10 * HOUR_MS;
  await sleep(300);
  const { key } = json['reference'] as { key: string };
  t.is((await scene.as('client', `/blob/reference/${key}/`)).text, 'hello');
  await giveUp(key);
  await until(async () => {
    ahead += HOUR_MS / 4;
    return (await scene.as('client', at, { method: 'PUT' })).status === 404;
  });
  t.is((await scene.as('client', at, { method: 'POST' })).status, 404);
});

test('a server that was not told to collects nothing', async (t) => {
  let ahead = 0;
  const scene = await openScene(t, { clock: { ...realClock, now: () => Date.now() + ahead } });
  const key = await scene.upload('client', 'hello');
  await scene.as('client', `/blob/reference/${key}/`, { method: 'DELETE' });
  ahead = 1000 * HOUR_MS;
  await scene.restart();
  await sleep(200);
  t.is((await scene.as('client', at, { method: 'POST' })).status, 200);
});
