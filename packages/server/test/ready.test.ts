import test from 'ava';
import { openStore } from '../src/database/open.ts';
import type { Store } from '../src/database/store.ts';
import { openReadiness } from '../src/ready.ts';
import { temporary } from './program.ts';
import { heldClock } from './queue-scene.ts';
import { openScene, send } from './server-scene.ts';

test('a server that can write is ready', async (t) => {
  const { url } = await openScene(t);
  t.like(await send(`${url()}/health/ready`), { status: 200, json: { status: 'OK' } });
});

test('a server whose database does not take writes is not ready, and says why', async (t) => {
  const store = await openStore(':memory:');
  t.teardown(() => store.close());
  let isBroken = true;
  const breaking: Store = {
    ...store,
    write: (change) => (isBroken ? Promise.reject(new Error('disk I/O error')) : store.write(change)),
  };
  const clock = heldClock();
  const ready = openReadiness({
    store: breaking,
    data: await temporary(t),
    stopping: new AbortController().signal,
    clock,
  });
  await t.throwsAsync(ready(), { code: 'not-ready', message: 'The server cannot write to the database.' });
  isBroken = false;
  // For a second the answer stands: anyone may ask, as often as they like.
  await t.throwsAsync(ready());
  clock.move(1001);
  await t.notThrowsAsync(ready());
});

test('a server whose directory is gone is not ready', async (t) => {
  const store = await openStore(':memory:');
  t.teardown(() => store.close());
  const data = await temporary(t);
  const stopping = new AbortController().signal;
  await t.throwsAsync(openReadiness({ store, data: `${data}/gone`, stopping })(), {
    code: 'not-ready',
    message: /cannot write to the data directory/,
  });
});

test('a server that stops is not ready', async (t) => {
  const store = await openStore(':memory:');
  t.teardown(() => store.close());
  const stopping = new AbortController();
  const ready = openReadiness({ store, data: await temporary(t), stopping: stopping.signal });
  await ready();
  stopping.abort();
  await t.throwsAsync(ready(), { code: 'not-ready', message: 'The server is stopping.' });
});
