import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { takeTask } from './foreman-of-test.ts';
import { clientOf, json, listen, temporary } from './listen.ts';
import { PASSWORD, startServer } from './real-server.ts';

const ID = '3c75df3c485047cf988ac3f0dfed4262';
const HELLO = { image: 'busybox:stable', args: ['uname'], stdout: 'stdout.txt', files: { input: 'input' } };

function taskDirectory(t: ExecutionContext): string {
  const directory = path.join(temporary(t), 'task');
  mkdirSync(directory);
  writeFileSync(path.join(directory, 'kolejka_task.json'), JSON.stringify(HELLO));
  writeFileSync(path.join(directory, 'input'), 'some input');
  return directory;
}

test('a result is heard of by events, in the order in which they happened', async (t) => {
  const { address } = await startServer(t);
  const client = clientOf(t, { server: address, username: 'alice', password: PASSWORD });
  const { id } = await client.putTask(taskDirectory(t));
  const story: string[] = [];
  // A server with events is not asked again and again: an hour between questions would end the test.
  const waiting = client.waitForResult(id, { intervalMs: 3_600_000, onEvent: ({ event }) => story.push(event) });
  const taken = await takeTask(t, address);
  t.is(taken.task.id, id);
  await taken.run();
  await taken.resolve({ result: 0, reason: 'exit' }, 'Linux\n');
  const known = await waiting;
  t.deepEqual(story, ['created', 'assigned', 'running', 'resolved']);
  t.deepEqual([known.result.result, known.result.reason], [0, 'exit']);
  const directory = path.join(temporary(t), 'result');
  await client.saveResult(known, directory);
  t.is(readFileSync(path.join(directory, 'stdout.txt'), 'utf8'), 'Linux\n');
});

test('a server that is killed while one waits is waited for, which is said once', async (t) => {
  const server = await startServer(t);
  const client = clientOf(t, { server: server.address, username: 'alice', password: PASSWORD });
  const { id } = await client.putTask(taskDirectory(t));
  const story: string[] = [];
  const silences: string[] = [];
  const begun = Promise.withResolvers<void>();
  const silent = Promise.withResolvers<void>();
  const waiting = client.waitForResult(id, {
    onEvent: ({ event }) => {
      story.push(event);
      begun.resolve();
    },
    onSilence: (error) => {
      silences.push(error.code);
      silent.resolve();
    },
  });
  await begun.promise;
  await server.kill();
  await silent.promise;
  await server.restart();
  const taken = await takeTask(t, server.address);
  await taken.resolve({ result: 3, reason: 'exit' }, '');
  t.is((await waiting).result.result, 3);
  t.deepEqual(silences, ['server-unreachable']);
  t.deepEqual(story, ['created', 'assigned', 'resolved']);
});

test('waiting ends at once when it is aborted', async (t) => {
  const { address } = await startServer(t);
  const client = clientOf(t, { server: address, username: 'alice', password: PASSWORD });
  const { id } = await client.putTask(taskDirectory(t));
  const stop = new AbortController();
  const waiting = client.waitForResult(id, { signal: stop.signal, onEvent: () => stop.abort(new Error('enough')) });
  await t.throwsAsync(waiting, { message: 'enough' });
});

test('a task that the server does not know ends the waiting', async (t) => {
  const { address } = await startServer(t);
  const client = clientOf(t, { server: address, username: 'alice', password: PASSWORD });
  const error = await t.throwsAsync(client.waitForResult(ID), { instanceOf: GridError });
  t.is(error.exit, 4);
});

test('a task that was given up ends the waiting with its reason', async (t) => {
  const server = await listen(t, (_asked, response) =>
    json(response, { message: 'Task failed. lost three times', code: 'task-failed', status: 'FAIL' }),
  );
  const error = await t.throwsAsync(clientOf(t, { server, token: 'x' }).waitForResult(ID), { instanceOf: GridError });
  t.deepEqual([error.exit, error.message], [7, 'Task failed. lost three times']);
});

/** An event as the server writes it into its stream. */
function printEvent(number: number, name: string): string {
  const row = {
    number,
    task: ID,
    event: name,
    attempt: 1,
    foreman: 'n',
    time: '2026-11-22T00:27:16.136Z',
    message: null,
  };
  return `id: ${number}\nevent: ${name}\ndata: ${JSON.stringify(row)}\n\n`;
}

test('a broken stream goes on after the last event, and unknown events are passed over', async (t) => {
  const asked: string[] = [];
  const server = await listen(t, ({ path: at }, response) => {
    asked.push(at);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // The first stream breaks in the middle of an event.
    if (asked.length > 1) return void response.end(printEvent(9, 'resolved'));
    response.write(
      `: hello\n\n${printEvent(4, 'created')}${printEvent(6, 'from-the-future')}${printEvent(7, 'assigned')}${printEvent(8, 'lost').slice(0, 30)}`,
    );
    return void setTimeout(() => response.destroy(), 50);
  });
  const story: string[] = [];
  for await (const { event: name } of clientOf(t, { server, token: 'x' }).watch(ID)) story.push(name);
  t.deepEqual(story, ['created', 'assigned', 'resolved']);
  t.deepEqual(
    asked.map((at) => new URL(at, server).searchParams.get('after')),
    ['0', '7'],
  );
});

test('a task is put once when the connection breaks after our server has taken it', async (t) => {
  const keys: (string | undefined)[] = [];
  const server = await listen(t, ({ method, path: at, headers }, response) => {
    if (at === '/health/live/') return json(response, { status: 'OK' });
    if (method === 'POST' && at === '/task/task/') {
      keys.push(headers['idempotency-key'] as string);
      if (keys.length < 3) return void response.destroy();
    }
    return json(response, { task: { id: ID, image: 'x' }, status: 'OK' });
  });
  const directory = temporary(t);
  writeFileSync(path.join(directory, 'kolejka_task.json'), '{"image": "x"}');
  await clientOf(t, { server, token: 'x' }).putTask(directory);
  t.is(keys.length, 3);
  t.is(new Set(keys).size, 1);
});

test('a task is not put again to a server of the original when the connection breaks', async (t) => {
  let puts = 0;
  const server = await listen(t, ({ path: at }, response) => {
    if (at !== '/task/task/') return void response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>');
    puts += 1;
    return void response.destroy();
  });
  const directory = temporary(t);
  writeFileSync(path.join(directory, 'kolejka_task.json'), '{"image": "x"}');
  const error = await t.throwsAsync(clientOf(t, { server, token: 'x' }).putTask(directory), { instanceOf: GridError });
  t.deepEqual([puts, error.exit], [1, 5]);
});
