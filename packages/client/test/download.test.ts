import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { GridError } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import type { Client } from '../src/index.ts';
import { clientOf, json, listen, temporary } from './listen.ts';

const ID = '3c75df3c485047cf988ac3f0dfed4262';
const KEY = '31ed66eb3dab45b5b740308443177cd6';
const HASH = createHash('sha256').update('hello').digest('hex');

/** A server whose blobs are all answered so, and whose only result has these files. */
async function serve(t: ExecutionContext, blob: (response: ServerResponse, nth: number) => void, files: object = {}) {
  let nth = 0;
  const server = await listen(t, ({ path: at }, response) => {
    if (at.startsWith('/blob/')) blob(response, (nth += 1));
    else json(response, { result: { id: ID, result: 0, new_field: 1, files }, status: 'OK' });
  });
  return clientOf(t, { server, token: 'x' });
}

const hello = (response: ServerResponse) => void response.end('hello');

async function save(t: ExecutionContext, client: Client, directory: string): Promise<GridError> {
  return await t.throwsAsync(client.getResult(ID, directory), { instanceOf: GridError });
}

/** The bytes of `hello`, whole only the second time. */
const breaksOnce = () => (response: ServerResponse, nth: number) => {
  response.writeHead(200, { 'content-length': 5, etag: `"${HASH}"` });
  response.write('hel');
  if (nth > 1) response.end('lo');
  else setTimeout(() => response.destroy(), 20);
};

test('a download that breaks in the middle is begun again', async (t) => {
  const client = await serve(t, breaksOnce());
  const file = path.join(temporary(t), 'file');
  t.is(await client.downloadTo(KEY, file), 5);
  t.is(readFileSync(file, 'utf8'), 'hello');
});

test('bytes that are not those of the announced hash are refused, and nothing is left', async (t) => {
  const client = await serve(t, (response) => void response.writeHead(200, { etag: `"${HASH}"` }).end('jello'));
  const directory = temporary(t);
  const error = await t.throwsAsync(client.downloadTo(KEY, path.join(directory, 'file')), { instanceOf: GridError });
  t.is(error.code, 'bad-answer');
  t.deepEqual(readdirSync(directory), []);
});

test('bytes that are not those of the known hash are refused', async (t) => {
  const client = await serve(t, (response) => void response.end('jello'));
  const file = path.join(temporary(t), 'file');
  await t.throwsAsync(client.downloadTo(KEY, file, { hash: HASH as never }), { instanceOf: GridError });
});

test('a target that cannot be replaced is named, and nothing is left beside it', async (t) => {
  const directory = temporary(t);
  mkdirSync(path.join(directory, 'file'));
  const client = await serve(t, hello);
  const error = await t.throwsAsync(client.downloadTo(KEY, path.join(directory, 'file')), { instanceOf: GridError });
  t.deepEqual([error.exit, readdirSync(directory)], [2, ['file']]);
  t.regex(error.message, /\/file cannot be written/);
});

test('an aborted download leaves nothing', async (t) => {
  const client = await serve(t, (response) => void response.writeHead(200, { 'content-length': 5 }).write('hel'));
  const directory = temporary(t);
  const signal = AbortSignal.timeout(200);
  await t.throwsAsync(client.downloadTo(KEY, path.join(directory, 'file'), { signal }), { any: true });
  t.deepEqual(readdirSync(directory), []);
});

test('regression: a fifo is written into, not replaced, once somebody reads it', async (t) => {
  const client = await serve(t, breaksOnce());
  const fifo = path.join(temporary(t), 'fifo');
  execFileSync('mkfifo', [fifo]);
  const written = client.downloadTo(KEY, fifo);
  const reader = spawn('cat', [fifo]);
  t.deepEqual([await text(reader.stdout), await written], ['hello', 5]);
  t.true(statSync(fifo).isFIFO());
});

test('a fifo that nobody reads is waited for until the signal', async (t) => {
  const client = await serve(t, hello);
  const fifo = path.join(temporary(t), 'fifo');
  execFileSync('mkfifo', [fifo]);
  await t.throwsAsync(client.downloadTo(KEY, fifo, { signal: AbortSignal.timeout(200) }), { name: 'AbortError' });
});

test('regression: a device is written into, not replaced', async (t) => {
  const client = await serve(t, hello);
  const link = path.join(temporary(t), 'link');
  symlinkSync('/dev/null', link);
  t.is(await client.downloadTo(KEY, link), 5);
  t.true(statSync(link).isCharacterDevice());
  symlinkSync('/dev/full', `${link}-full`);
  const error = await t.throwsAsync(client.downloadTo(KEY, `${link}-full`), { instanceOf: GridError });
  t.regex(error.message, /link-full cannot be written: ENOSPC/);
  t.true(statSync('/dev/full').isCharacterDevice());
});

test('regression: the target of a link is replaced, not the link', async (t) => {
  const client = await serve(t, hello);
  const directory = temporary(t);
  mkdirSync(path.join(directory, 'sub'));
  writeFileSync(path.join(directory, 'sub', 'file'), 'old');
  for (const name of ['file', 'new']) {
    const link = path.join(directory, name);
    symlinkSync(path.join('sub', name), link);
    await client.downloadTo(KEY, link);
    t.true(lstatSync(link).isSymbolicLink());
    t.is(readFileSync(path.join(directory, 'sub', name), 'utf8'), 'hello');
  }
  symlinkSync('circle', path.join(directory, 'circle'));
  const error = await t.throwsAsync(client.downloadTo(KEY, path.join(directory, 'circle')), { instanceOf: GridError });
  t.regex(error.message, /leads to itself/);
});

test('bytes that changed where a download broke are refused', async (t) => {
  const client = await serve(t, (response, nth) => {
    response.writeHead(200, { 'content-length': 5, etag: `"${HASH}"` });
    response.write(nth > 1 ? 'hel' : 'jel');
    if (nth > 1) response.end('lo');
    else setTimeout(() => response.destroy(), 20);
  });
  const directory = temporary(t);
  await t.throwsAsync(client.downloadTo(KEY, path.join(directory, 'file')), { message: /other bytes/ });
  t.deepEqual(readdirSync(directory), []);
});

for (const name of ['../out', '/tmp/out', 'a/../../out', 'a//b', 'a/./b', '']) {
  test(`a result file called ${JSON.stringify(name)} is refused and nothing is written outside`, async (t) => {
    const directory = temporary(t);
    const client = await serve(t, hello, { [name]: { reference: KEY } });
    await save(t, client, path.join(directory, 'result'));
    t.deepEqual(
      readdirSync(directory).filter((entry) => entry !== 'result'),
      [],
    );
  });
}

test('a directory of the target that is a link is not entered', async (t) => {
  const directory = temporary(t);
  mkdirSync(path.join(directory, 'elsewhere'));
  mkdirSync(path.join(directory, 'result'));
  symlinkSync(path.join(directory, 'elsewhere'), path.join(directory, 'result', 'sub'));
  const client = await serve(t, hello, { 'sub/file': { reference: KEY } });
  const error = await save(t, client, path.join(directory, 'result'));
  t.regex(error.message, /\/sub is in the way/);
  t.deepEqual(readdirSync(path.join(directory, 'elsewhere')), []);
});

test('a file of the target that is a link is replaced, not written through', async (t) => {
  const directory = temporary(t);
  const precious = path.join(directory, 'precious');
  writeFileSync(precious, 'mine');
  const result = path.join(directory, 'result');
  mkdirSync(result);
  symlinkSync(precious, path.join(result, 'file'));
  symlinkSync(precious, path.join(result, 'kolejka_result.json'));
  const client = await serve(t, hello, { file: { reference: KEY } });
  await client.getResult(ID, result);
  t.is(readFileSync(precious, 'utf8'), 'mine');
  t.true(lstatSync(path.join(result, 'file')).isFile());
  t.true(lstatSync(path.join(result, 'kolejka_result.json')).isFile());
});

test('a second result replaces its files and leaves others alone', async (t) => {
  const result = temporary(t);
  writeFileSync(path.join(result, 'file'), 'old');
  writeFileSync(path.join(result, 'notes'), 'mine');
  const client = await serve(t, hello, { file: { reference: KEY } });
  await client.getResult(ID, result);
  t.deepEqual(readdirSync(result).toSorted(), ['file', 'kolejka_result.json', 'notes']);
  t.is(readFileSync(path.join(result, 'file'), 'utf8'), 'hello');
});

test('the result is written as a whole or not at all', async (t) => {
  const result = temporary(t);
  writeFileSync(path.join(result, 'kolejka_result.json'), '{"of": "an earlier task"}');
  const client = await serve(t, (response) => void response.writeHead(404).end(), { file: { reference: KEY } });
  await save(t, client, result);
  t.deepEqual(readdirSync(result), []);
});

test('regression: when one file of a result fails, the others do not go on in the background', async (t) => {
  const result = temporary(t);
  const client = await serve(
    t,
    (response, nth) => {
      if (nth < 4) response.writeHead(200, { 'content-length': 5 }).write('hel');
      else response.writeHead(404).end();
    },
    Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, { reference: KEY }])),
  );
  await save(t, client, result);
  t.deepEqual(readdirSync(result), []);
});

test('hostile input 31: a file called kolejka_result.json does not replace the result', async (t) => {
  const result = temporary(t);
  const client = await serve(t, hello, { 'kolejka_result.json': { reference: KEY }, ok: { reference: KEY } });
  await client.getResult(ID, result);
  const spec = JSON.parse(readFileSync(path.join(result, 'kolejka_result.json'), 'utf8')) as Record<string, unknown>;
  t.deepEqual(spec, { files: { ok: { path: 'ok', reference: KEY } }, id: ID, new_field: 1, result: 0 });
});

test('hostile input 30: names of the language, controls and long names are names like others', async (t) => {
  const names = ['constructor', 'a\nb\t"c"', '-rf', ';rm -rf', 'x'.repeat(255), '\u202egnp.exe', 'deep/er/file'];
  const files = JSON.parse(
    `{"__proto__": {"reference": "${KEY}"}, ${names.map((name) => `${JSON.stringify(name)}: {"reference": "${KEY}"}`).join(', ')}}`,
  ) as object;
  const result = temporary(t);
  const client = await serve(t, hello, files);
  await client.getResult(ID, result);
  for (const name of [...names, '__proto__']) t.is(statSync(path.join(result, name)).size, 5, name);
  const spec = JSON.parse(readFileSync(path.join(result, 'kolejka_result.json'), 'utf8')) as { files: object };
  t.true(Object.hasOwn(spec.files, '__proto__'));
});
