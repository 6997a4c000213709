import test from 'ava';
import { KEPT_OUTPUT_BYTES } from '@kolejka/protocol';
import { openScene, type Scene } from '../server-scene.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const part = (stream: string, at: number, text: string) => ({ stream, at, bytes: base64(text) });

function say(
  { as }: Scene,
  id: string,
  parts: object[],
  { foreman = 'f', attempt = 1, name = 'foreman' as const } = {},
) {
  return as(name, `/task/output/${id}/`, { json: { foreman, attempt, parts } });
}

async function read({ as }: Scene, id: string, query = '') {
  const { json } = await as('client', `/task/output/${id}/${query}`);
  const parts = json['parts'] as { stream: string; at: number; bytes: string }[];
  const shown = parts.map(({ stream, at, bytes }) => [stream, at, Buffer.from(bytes, 'base64').toString()]);
  return { ...json, parts: shown };
}

async function running(scene: Scene): Promise<string> {
  const id = await scene.put('client');
  await scene.take('foreman', 'f');
  return id;
}

test('what a task prints is read while it runs, from where the reader is', async (t) => {
  const scene = await openScene(t);
  const id = await running(scene);
  t.deepEqual(await read(scene, id), { state: 'assigned', ended: false, attempt: 1, parts: [], status: 'OK' });
  t.is((await say(scene, id, [part('stdout', 0, 'one '), part('stderr', 0, 'bad')])).status, 200);
  // The same again, as after an answer that was lost.
  await say(scene, id, [part('stdout', 0, 'one ')]);
  await say(scene, id, [part('stdout', 4, 'two')]);
  t.deepEqual((await read(scene, id)).parts, [
    ['stdout', 0, 'one two'],
    ['stderr', 0, 'bad'],
  ]);
  t.deepEqual((await read(scene, id, '?attempt=1&stdout=5&stderr=3')).parts, [['stdout', 5, 'wo']]);
  t.deepEqual((await read(scene, id, '?attempt=2&stdout=5&stderr=3')).parts.length, 2, 'counts of another attempt');
});

test('a reader that waits hears at once what comes, and of the end', async (t) => {
  const scene = await openScene(t);
  const id = await running(scene);
  const waiting = read(scene, id, '?attempt=1&wait=30');
  await say(scene, id, [part('stdout', 0, 'news')]);
  t.deepEqual((await waiting).parts, [['stdout', 0, 'news']]);
  const last = read(scene, id, '?attempt=1&stdout=4&wait=30');
  await scene.as('foreman', '/task/result/', { json: { id, attempt: 1, result: 0 } });
  t.like(await last, { state: 'resolved', ended: true, parts: [] });
});

test('no more than the last 64 KiB of an output are kept, and nothing of a task that its foreman does not have', async (t) => {
  const scene = await openScene(t);
  const id = await running(scene);
  const half = 'x'.repeat(KEPT_OUTPUT_BYTES / 2);
  for (let count = 0; count < 5; count += 1) await say(scene, id, [part('stdout', count * half.length, half)]);
  const [[, at, text] = []] = (await read(scene, id)).parts;
  t.deepEqual([at, String(text).length], [3 * half.length, KEPT_OUTPUT_BYTES]);
  const tooMuch = await say(scene, id, [part('stdout', 0, 'x'.repeat(KEPT_OUTPUT_BYTES + 3))]);
  t.is(tooMuch.status, 400);
  const back = { json: { foreman: 'f', tasks: [{ task: id, attempt: 1, phase: 'returned' }] } };
  await scene.as('foreman', '/queue/heartbeat/', back);
  t.like(await read(scene, id), { state: 'pending', parts: [] });
});

test('only the foreman that has the task may say what it prints; one that lost it is refused', async (t) => {
  const scene = await openScene(t);
  const id = await running(scene);
  const said = [part('stdout', 0, 'x')];
  t.like(await say(scene, id, said, { attempt: 2 }), { status: 409 });
  t.like(await say(scene, id, said, { foreman: 'other' }), { status: 409 });
  t.like(await scene.as('second', `/task/output/${id}/`, { json: { foreman: 'f', attempt: 1, parts: said } }), {
    status: 409,
  });
  t.like(await scene.as('client', `/task/output/${id}/`, { json: { foreman: 'f', attempt: 1, parts: said } }), {
    status: 403,
  });
  t.like(await say(scene, '0'.repeat(32), said), { status: 404 });
  await scene.as('client', `/task/cancel/${id}/`, { method: 'POST' });
  t.like(await say(scene, id, said), { status: 409 });
  t.like(await read(scene, id), { state: 'cancelled', ended: true, parts: [] });
});

test('who may see a task may read what it prints, and nobody else', async (t) => {
  const scene = await openScene(t);
  const id = await running(scene);
  for (const name of ['client', 'foreman', 'inspector'] as const)
    t.is((await scene.as(name, `/task/output/${id}/`)).status, 200, name);
  for (const name of ['other', 'second', 'nobody'] as const)
    t.is((await scene.as(name, `/task/output/${id}/`)).status, 403, name);
  t.is((await scene.as('client', `/task/output/${'0'.repeat(32)}/`)).status, 404);
});
