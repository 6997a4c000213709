import type { TaskEvent } from '@kolejka/protocol';
import test from 'ava';
import { holdToDocument } from './held-to-document.ts';
import { openScene, type Scene, send } from './server-scene.ts';

/** Reads a stream of events until it ends. */
async function* listen(scene: Scene, at: string, headers: Record<string, string> = {}): AsyncGenerator<TaskEvent> {
  const response = await fetch(scene.url() + at, { headers: { ...scene.authorization('client'), ...headers } });
  const { url, status, headers: answered } = response;
  let rest = '';
  for await (const chunk of response.body ?? []) {
    const blocks = (rest + Buffer.from(chunk).toString()).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks.filter((text) => !text.startsWith(':'))) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]),
      );
      const event = JSON.parse(fields['data'] ?? '') as TaskEvent;
      if (fields['id'] !== String(event.number) || fields['event'] !== event.event)
        throw new Error(`odd block ${block}`);
      holdToDocument({ method: 'GET', url, sent: undefined, status, headers: answered, text: block });
      yield event;
    }
  }
}

async function resolve({ as, take }: Scene): Promise<void> {
  const taken = await take('foreman', 'f');
  await as('foreman', '/task/result/', {
    json: { id: taken?.task, attempt: taken?.attempt, result: 0, reason: 'exit' },
  });
}

test('past events come first, then live ones, and the stream ends after the last', async (t) => {
  const scene = await openScene(t);
  const task = await scene.put('client');
  const seen: TaskEvent[] = [];
  for await (const event of listen(scene, `/task/events/?task=${task}`)) {
    if (seen.push(event) === 1) await resolve(scene);
  }
  t.deepEqual(
    seen.map(({ event }) => event),
    ['created', 'assigned', 'resolved'],
  );
  t.like(seen[1], { task, attempt: 1, foreman: 'f' });
  t.is(seen[2]?.message, 'ended: exit');
});

test('a stream is resumed by number, from the query or from Last-Event-ID', async (t) => {
  const scene = await openScene(t);
  const task = await scene.put('client');
  await resolve(scene);
  const all = await Array.fromAsync(listen(scene, `/task/events/?task=${task}`));
  const after = all[0]?.number ?? 0;
  const rest = all.slice(1);
  t.is(rest.length, 2);
  t.deepEqual(await Array.fromAsync(listen(scene, `/task/events/?task=${task}&after=${after}`)), rest);
  const headers = { 'last-event-id': String(after) };
  t.deepEqual(await Array.fromAsync(listen(scene, `/task/events/?task=${task}`, headers)), rest);
  t.deepEqual(await Array.fromAsync(listen(scene, `/task/events/?task=${task}&after=${all.at(-1)?.number}`)), []);
});

test('events of tasks of others are not shown', async (t) => {
  const scene = await openScene(t);
  const task = await scene.put('client');
  t.is((await scene.as('other', `/task/events/?task=${task}`)).status, 403);
  t.is((await scene.as('client', `/task/events/?task=${'0'.repeat(32)}`)).status, 404);
  t.is((await scene.as('client', '/task/events/')).status, 400);
  t.is((await send(`${scene.url()}/task/events/?task=${task}`)).status, 403);
});

test('a server that stops ends its streams and long polls', async (t) => {
  const scene = await openScene(t);
  const task = await scene.put('client');
  const stream = listen(scene, `/task/events/?task=${task}`);
  t.is((await stream.next()).value?.event, 'created');
  const poll = scene.as('foreman', '/queue/dequeue/', { json: { wait: 60, tags: [], limits: { pids: 1 } } });
  await scene.as('client', '/settings/');
  await scene.close();
  t.true((await stream.next()).done);
  t.deepEqual((await poll).json['tasks'], []);
});
