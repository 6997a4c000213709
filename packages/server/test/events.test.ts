import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TaskEvent } from '@kolejka/protocol';
import test from 'ava';
import type { Response } from 'express';
import { revokeTokens } from '../src/accounts/tokens.ts';
import { setDisabled, setPassword } from '../src/accounts/users.ts';
import type { Connection, Values } from '../src/database/store.ts';
import { streamEvents } from '../src/events.ts';
import type { Parts } from '../src/parts.ts';
import { holdToDocument } from './held-to-document.ts';
import { logIn } from './log-in.ts';
import { openQueue } from './queue-scene.ts';
import { type Name, openScene, PASSWORDS, type Scene, send } from './server-scene.ts';

/** Reads a stream of events until it ends. `opened` hears that the server knows where it begins. */
async function* listen(
  scene: Scene,
  at: string,
  headers: Record<string, string> = {},
  name: Name = 'client',
  opened: () => void = () => undefined,
): AsyncGenerator<TaskEvent> {
  const response = await fetch(scene.url() + at, { headers: { ...scene.authorization(name), ...headers } });
  opened();
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
  t.is((await scene.as('client', '/task/events/')).status, 403);
  t.is((await scene.as('client', '/task/events/?user=other')).status, 403);
  t.is((await scene.as('inspector', '/task/events/?user=nemo')).status, 404);
  t.is((await scene.as('client', `/task/events/?task=${task}&mine`)).json['field'], 'task');
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

/** The next events of a stream that does not end. */
async function next(stream: AsyncGenerator<TaskEvent>, count: number): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  while (events.length < count) events.push((await stream.next()).value as TaskEvent);
  return events;
}

const about = (events: readonly TaskEvent[]) => events.map(({ task, event }) => [task, event]);

test('the stream of a user tells of all tasks of that user and of no others, and does not end with one of them', async (t) => {
  const scene = await openScene(t);
  const early = await scene.put('client');
  const stream = listen(scene, '/task/events/?mine&after=0');
  t.deepEqual(about(await next(stream, 1)), [[early, 'created']]);
  await scene.put('other');
  await resolve(scene);
  const late = await scene.put('client');
  const rest = await next(stream, 3);
  t.deepEqual(about(rest), [
    [early, 'assigned'],
    [early, 'resolved'],
    [late, 'created'],
  ]);
  const again = listen(scene, '/task/events/?user=client', { 'last-event-id': String(rest[0]?.number) }, 'inspector');
  t.deepEqual(await next(again, 2), rest.slice(1));
});

test('the stream of all begins now, or where it is told to', async (t) => {
  const scene = await openScene(t);
  const one = await scene.put('client');
  const past = listen(scene, '/task/events/?after=0', {}, 'inspector');
  t.deepEqual(about(await next(past, 1)), [[one, 'created']]);
  // Until the stream is open nobody knows where "now" is.
  const opened = Promise.withResolvers<void>();
  const live = listen(scene, '/task/events/', {}, 'manager', opened.resolve);
  const first = next(live, 1);
  await opened.promise;
  const other = await scene.put('other');
  t.deepEqual(about(await first), [[other, 'created']]);
});

test('a reader that comes late is told everything, over several pages of the log', async (t) => {
  const scene = await openScene(t);
  const stream = listen(scene, '/task/events/?after=0', {}, 'inspector');
  const tasks: string[] = [];
  for (let count = 0; count < 150; count += 1) tasks.push(await scene.put('client'));
  t.deepEqual(
    (await next(stream, 150)).map(({ task }) => task),
    tasks,
  );
});

test('for a reader that does not read, nothing is read from the log either', async (t) => {
  const { store, follow, clock, put, close } = await openQueue();
  t.teardown(close);
  for (let count = 0; count < 500; count += 1) await put();
  let pages = 0;
  let sent = 0;
  const countingAll = (db: Connection): Connection => ({
    ...db,
    all: <Row>(sql: string, values?: Values) => {
      pages += 1;
      return db.all<Row>(sql, values);
    },
  });
  const counting = {
    ...store,
    read: <Answer>(query: (db: Connection) => Promise<Answer>) => store.read((db) => query(countingAll(db))),
  };
  // As a socket whose other side takes nothing: it is full after a few events.
  const stuck = Object.assign(new Writable({ highWaterMark: 1000, write: () => void (sent += 1) }), {
    writeHead: () => stuck,
    flushHeaders: () => undefined,
  });
  const gone = new AbortController();
  const parts = { store: counting, follow, clock, stopping: gone.signal } as unknown as Parts;
  const response = stuck as unknown as Response;
  const stream = streamEvents(parts, { of: 'all', mayRead: async () => true, after: 0, response, signal: gone.signal });
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
  t.is(pages, 1);
  t.is(sent, 1);
  t.true(stuck.writableLength < 1500);
  gone.abort();
  await stream;
});

test('the streams of a user who is disabled end', async (t) => {
  const scene = await openScene(t);
  const task = await scene.put('client');
  const stream = listen(scene, '/task/events/?mine&after=0');
  await next(stream, 1);
  await setDisabled(scene.place, 'client', true);
  // Whatever happens next, this user does not hear of it.
  await scene.as('admin', `/task/task/${task}/`, { method: 'DELETE' });
  t.true((await stream.next()).done);
});

test('regression: a stream ends when its token is taken back, and when its session ends', async (t) => {
  const scene = await openScene(t);
  const byToken = listen(scene, '/task/events/?mine&after=0');
  const { headers } = await logIn(scene, 'client', PASSWORDS.client);
  const bySession = listen(scene, '/task/events/?mine&after=0', { authorization: '', ...headers });
  await scene.put('client');
  await next(byToken, 1);
  await next(bySession, 1);
  await revokeTokens(scene.place, 'client', {});
  await setPassword(scene.place, 'client', 'another');
  // Something happens that both would have been told of.
  const again = await logIn(scene, 'client', 'another');
  t.is((await send(`${scene.url()}/task/task/`, { headers: again.headers, json: { image: 'x' } })).status, 200);
  t.true((await byToken.next()).done);
  t.true((await bySession.next()).done);
});

test('who watches a task that is deleted hears so, and the stream ends', async (t) => {
  const scene = await openScene(t);
  const task = await scene.put('client');
  const [one, all] = [listen(scene, `/task/events/?task=${task}`), listen(scene, '/task/events/?mine&after=0')];
  await next(one, 1);
  await next(all, 1);
  t.is((await scene.as('client', `/task/task/${task}/`, { method: 'DELETE' })).status, 200);
  t.true((await one.next()).done);
  const [deleted] = await next(all, 1);
  t.like(deleted, { task, event: 'deleted', message: 'deleted by client' });
});
