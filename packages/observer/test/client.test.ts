import { spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { type ErrorCode, GridError } from '@kolejka/protocol';
import { openObserver } from '../src/client.ts';
import { startInSession } from '../src/run/start.ts';
import { startDaemon } from './daemon.ts';

const whenRoot = process.getuid?.() === 0 ? test.serial : test.serial.skip;

const answer = (body: string, status = '200 OK') =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** A socket at which `respond` says what is answered to each request; counts connections. */
async function listen(respond: (socket: Socket, request: number) => void) {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-client-'));
  const seen = { connections: 0, requests: 0 };
  const server = createServer((socket) => {
    seen.connections += 1;
    socket.on('error', () => undefined);
    socket.on('data', () => respond(socket, (seen.requests += 1)));
  });
  const file = path.join(directory, 'socket');
  await new Promise<void>((resolve) => server.listen(file, resolve));
  const close = () => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { file, seen, close };
}

test('one connection carries all requests, also those that are asked at once', async (t) => {
  const { file, seen, close } = await listen((socket) => socket.write(answer('{"sessions":3,"status":"ok"}')));
  t.teardown(close);
  const observer = openObserver(file);
  t.deepEqual(await Promise.all([observer.status(), observer.status()]), [3, 3]);
  t.is(await observer.status(), 3);
  t.deepEqual(seen, { connections: 1, requests: 3 });
  observer.end();
});

test('a kept connection that was cut is made anew, once', async (t) => {
  const { file, seen, close } = await listen((socket, request) => {
    if (request === 2) socket.destroy();
    else socket.write(answer('{"sessions":1,"status":"ok"}'));
  });
  t.teardown(close);
  const observer = openObserver(file);
  t.is(await observer.status(), 1);
  t.is(await observer.status(), 1);
  t.is(seen.connections, 2);
  observer.end();
});

const ANSWERS: [title: string, sent: string, code: ErrorCode, message: RegExp][] = [
  ['what is no JSON', answer('<html>', '500 No'), 'bad-answer', /answered 500/],
  ['an error with a code', answer('{"status":"error","code":"busy","message":"later"}', '503 No'), 'busy', /^later$/],
  ['an error of the original', answer('{"message":"no"}', '403 No'), 'bad-answer', /^no$/],
  ['a success without its status', answer('{"sessions":1}'), 'bad-answer', /answered 200/],
  ['half an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"sess', 'server-unreachable', /does not answer/],
];
for (const [title, sent, code, message] of ANSWERS) {
  test(`${title} is an error with its code`, async (t) => {
    const { file, close } = await listen((socket) => socket.end(sent));
    t.teardown(close);
    const observer = openObserver(file);
    const error = await t.throwsAsync(observer.status(), { instanceOf: GridError });
    t.is(error.code, code);
    t.regex(error.message, message);
    observer.end();
  });
}

test('statistics of a session that was closed without an answer are read', async (t) => {
  const session = `"session_id":"${'0'.repeat(32)}","secret":"known"`;
  const answers = [
    answer(`{${session},"status":"ok"}`),
    'cut',
    answer('{"code":"wrong-secret","message":"no","status":"error"}', '403 No'),
    answer('{"pids":{"max_usage":7},"status":"ok"}'),
  ];
  const { file, close } = await listen((socket, request) => {
    const next = answers[request - 1] ?? 'cut';
    if (next === 'cut') socket.destroy();
    else socket.write(next);
  });
  t.teardown(close);
  const observer = openObserver(file);
  const { result, stats } = await (await startInSession(observer, { args: ['true'] })).ended;
  t.deepEqual([result, stats], [0, { pids_max_usage: 7 }]);
  observer.end();
});

whenRoot('a program in a session outlives the observer, and its statistics come from the next one', async (t) => {
  const first = await startDaemon({ args: [] });
  const observer = openObserver(first.socket);
  const { ended, stdin } = await startInSession(observer, { args: ['cat'], stdin: 'pipe', stdout: 'ignore' });
  await first.stop();
  stdin?.end();
  const next = await startDaemon({ directory: first.directory });
  const { result, reason, stats } = await ended;
  t.deepEqual([result, reason, stats.pids_max_usage], [0, 'exit', 1]);
  t.is(await observer.status(), 0);
  observer.end();
  t.is(await next.stop(), 0);
  next.remove();
});

whenRoot('nothing runs when the observer refuses, and the shell that waited is gone', async (t) => {
  const daemon = await startDaemon();
  const observer = openObserver(daemon.socket);
  const marker = `kolejka-never-${process.pid}`;
  const limits = { cpus: 100_000_000, cpus_offset: 99_999_999, cgroup_depth: -1 };
  const error = await t.throwsAsync(startInSession(observer, { args: ['sleep', marker], limits }), {
    instanceOf: GridError,
  });
  t.truthy(error.code);
  const found = spawn('pgrep', ['-f', marker], { stdio: 'ignore' });
  t.is(await new Promise((resolve) => found.on('close', resolve)), 1);
  t.is(await observer.status(), 0);
  observer.end();
  await daemon.stop();
  daemon.remove();
});
