import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GridError, type Result } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { type Asked, clientOf, json, listen, temporary } from './listen.ts';

const ID = '3c75df3c485047cf988ac3f0dfed4262';
const KEY = '31ed66eb3dab45b5b740308443177cd6';
const TIME = '2026-11-22T00:27:16.136Z';

/** A server without any blob; `before` is called before it answers that it does not have one. */
async function serve(t: ExecutionContext, before: () => void = () => undefined) {
  const asked: Asked[] = [];
  const server = await listen(t, (request, response) => {
    asked.push(request);
    if (request.path.startsWith('/blob/blob/')) {
      before();
      return void response.writeHead(404).end();
    }
    if (request.path.startsWith('/task/result/')) return json(response, { result: {}, status: 'OK' });
    const blob = createHash('sha256').update(request.body).digest('hex');
    json(response, {
      reference: { key: KEY, blob, size: request.body.length, time_create: TIME, time_access: TIME },
      status: 'OK',
    });
  });
  return { client: clientOf(t, { server, token: 'x' }), asked };
}

test('a large file is streamed with its length, and the sum of what is told is its size', async (t) => {
  const { client, asked } = await serve(t);
  const file = path.join(temporary(t), 'file');
  const bytes = Buffer.alloc(3_000_001, 'abc');
  writeFileSync(file, bytes);
  let sent = 0;
  const reference = await client.putBlob(file, { sent: (more) => (sent += more) });
  t.deepEqual([reference.size, sent, asked[1]?.headers['content-length']], [3_000_001, 3_000_001, '3000001']);
  t.true(asked[1]?.body.equals(bytes));
});

test('an empty file is sent with its length, not in chunks, which the original would not see', async (t) => {
  const { client, asked } = await serve(t);
  const file = path.join(temporary(t), 'file');
  writeFileSync(file, '');
  t.is((await client.putBlob(file)).size, 0);
  t.deepEqual([asked[1]?.headers['content-length'], asked[1]?.headers['transfer-encoding']], ['0', undefined]);
});

for (const [how, size] of [
  ['grows', 2_000_000],
  ['grows a little', 300_000],
] as const) {
  test(`a file that ${how} while it is sent is refused`, async (t) => {
    const file = path.join(temporary(t), 'file');
    writeFileSync(file, Buffer.alloc(size));
    const { client } = await serve(t, () => appendFileSync(file, how));
    const error = await t.throwsAsync(client.putBlob(file), { instanceOf: GridError });
    t.is(error.code, 'bad-body');
    t.regex(error.message, /changed while it was sent/);
  });
}

test('a file that shrinks or changes while it is sent is refused', async (t) => {
  const file = path.join(temporary(t), 'file');
  for (const other of [Buffer.alloc(1000), Buffer.alloc(2_000_000, 'x')]) {
    writeFileSync(file, Buffer.alloc(2_000_000));
    const { client } = await serve(t, () => writeFileSync(file, other));
    const error = await t.throwsAsync(client.putBlob(file), { instanceOf: GridError });
    t.is(error.code, 'bad-body');
  }
});

test('what is no regular file is refused without waiting', async (t) => {
  const { client, asked } = await serve(t);
  const directory = temporary(t);
  execFileSync('mkfifo', [path.join(directory, 'fifo')]);
  for (const [name, sentence] of [
    ['none', /none is not there/],
    ['', /is a directory/],
    ['fifo', /fifo is not a regular file/],
  ] as const) {
    const error = await t.throwsAsync(client.putBlob(path.join(directory, name)), { instanceOf: GridError });
    t.is(error.exit, 2);
    t.regex(error.message, sentence);
  }
  t.is(asked.length, 0);
});

test('hostile input 20: a link among the files of a result is not sent', async (t) => {
  const { client, asked } = await serve(t);
  const directory = temporary(t);
  symlinkSync('/etc/hostname', path.join(directory, 'out'));
  const result = { id: ID, tags: [], limits: {}, stats: {}, files: { out: { path: 'out' } } } as unknown as Result;
  const error = await t.throwsAsync(client.putResult(result, directory, 1), { instanceOf: GridError });
  t.regex(error.message, /files\.out: .*\/out is a symbolic link/);
  t.is(asked.length, 0);
});

test('a result is handed in with references in place of paths, and with its attempt', async (t) => {
  const { client, asked } = await serve(t);
  const directory = temporary(t);
  mkdirSync(path.join(directory, 'sub'));
  writeFileSync(path.join(directory, 'sub', 'out'), 'hello');
  const files = { 'sub/out': { path: 'sub/out' } };
  const result = { id: ID, tags: [], limits: {}, stats: {}, result: 0, reason: 'exit', files } as unknown as Result;
  await client.putResult(result, directory, 3);
  const body = JSON.parse(asked.at(-1)?.body.toString() ?? '') as Record<string, unknown>;
  t.deepEqual(body['files'], { 'sub/out': { reference: KEY } });
  t.deepEqual([body['attempt'], body['id'], body['reason']], [3, ID, 'exit']);
});
