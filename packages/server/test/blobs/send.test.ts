import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import test from 'ava';
import { openScene, type Scene } from '../server-scene.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

interface Got {
  status: number | undefined;
  headers: Record<string, string | string[] | undefined>;
  bytes: Buffer;
}

/** As `scene.as`, but nothing is decoded and no header added on the way. */
function get(scene: Scene, at: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = request(scene.url() + at, { method, headers: { ...scene.authorization('client'), ...headers } });
    asked.on('error', reject);
    asked.on('response', (response) => {
      buffer(response).then(
        (bytes) => resolve({ status: response.statusCode, headers: response.headers, bytes }),
        reject,
      );
    });
    asked.end();
  });
}

async function openWith(t: Parameters<typeof openScene>[0], bytes: Buffer) {
  const scene = await openScene(t);
  const { json } = await scene.as('client', '/blob/reference/', { body: new Uint8Array(bytes) });
  const { key } = json['reference'] as { key: string };
  return { scene, at: `/blob/reference/${key}/`, etag: `"${sha256(bytes)}"` };
}

test('a part of the bytes is answered as 206, with its place and the ETag of the whole', async (t) => {
  const bytes = randomBytes(1_000_000);
  const { scene, at, etag } = await openWith(t, bytes);
  const parts = [
    ['bytes=0-99', 0, 99],
    ['bytes=999990-', 999_990, 999_999],
    ['bytes=-10', 999_990, 999_999],
    ['bytes=500000-2000000', 500_000, 999_999],
    ['bytes=0-', 0, 999_999],
  ] as const;
  for (const [range, start, end] of parts) {
    for (const place of [at, `/blob/blob/${sha256(bytes)}/`]) {
      const { status, headers, bytes: part } = await get(scene, place, { range });
      t.is(status, 206, range);
      t.true(part.equals(bytes.subarray(start, end + 1)), range);
      t.is(headers['content-range'], `bytes ${start}-${end}/1000000`);
      t.is(headers['content-length'], String(end - start + 1));
      t.is(headers['etag'], etag);
    }
  }
});

test('a download that broke is gone on with by Range and If-Range, and is whole', async (t) => {
  const bytes = randomBytes(100_000);
  const { scene, at, etag } = await openWith(t, bytes);
  const first = bytes.subarray(0, 30_000);
  const rest = await get(scene, at, { range: 'bytes=30000-', 'if-range': etag });
  t.is(rest.status, 206);
  t.true(Buffer.concat([first, rest.bytes]).equals(bytes));
  const changed = await get(scene, at, { range: 'bytes=30000-', 'if-range': `"${'0'.repeat(64)}"` });
  t.is(changed.status, 200);
  t.true(changed.bytes.equals(bytes));
  t.is((await get(scene, at, { range: 'bytes=30000-', 'if-range': 'Sun, 22 Nov 2026 00:00:00 GMT' })).status, 200);
});

test('bytes that are not there are 416, and what is no single range is answered with all bytes', async (t) => {
  const { scene, at } = await openWith(t, Buffer.from('hello'));
  for (const range of ['bytes=5-', 'bytes=-0', 'bytes=9-10']) {
    const { status, headers, bytes } = await get(scene, at, { range });
    t.is(status, 416, range);
    t.is(headers['content-range'], 'bytes */5');
    t.regex(bytes.toString(), /"code":"bad-range"/);
  }
  for (const range of ['lines=0-1', 'bytes=0-1,3-4', 'bytes=x', '0-1']) {
    const { status, bytes } = await get(scene, at, { range });
    t.deepEqual([status, bytes.toString()], [200, 'hello'], range);
  }
  const head = await get(scene, at, { range: 'bytes=0-1' }, 'HEAD');
  t.deepEqual([head.status, head.headers['content-length'], head.headers['accept-ranges']], [200, '5', 'bytes']);
});

test('regression: of a blob shorter than the end that is asked for all bytes are sent', async (t) => {
  const { scene, at } = await openWith(t, Buffer.from('hello'));
  for (const range of ['bytes=-5', 'bytes=-6', 'bytes= -99999999999999999999']) {
    const { status, bytes } = await get(scene, at, { range });
    t.deepEqual([Math.floor((status ?? 0) / 100), bytes.toString()], [2, 'hello'], range);
  }
});

test('bytes that the caller has are not sent again', async (t) => {
  const { scene, at, etag } = await openWith(t, Buffer.from('hello'));
  for (const known of [etag, `W/${etag}`, `"a", ${etag}`, '*']) {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, bytes } = await get(scene, at, { 'if-none-match': known }, method);
      t.deepEqual([status, bytes.length, headers['etag']], [304, 0, etag], known);
    }
  }
  t.is((await get(scene, at, { 'if-none-match': '"a"' })).status, 200);
});

test('text is sent as zstd to whoever names it, as gzip when it is small, and as it is to others', async (t) => {
  const bytes = Buffer.from('a line of text\n'.repeat(10_000));
  const { scene, at, etag } = await openWith(t, bytes);
  for (const accepted of ['zstd', 'gzip, deflate, br, zstd', 'gzip;q=1.0, zstd;q=0.5']) {
    const got = await get(scene, at, { 'accept-encoding': accepted });
    t.is(got.headers['content-encoding'], 'zstd', accepted);
    t.true(zstdDecompressSync(got.bytes).equals(bytes));
    t.is(got.headers['etag'], `W/${etag}`);
    t.regex(String(got.headers['vary']), /Accept-Encoding/);
  }
  const gzipped = await get(scene, at, { 'accept-encoding': 'gzip, deflate' });
  t.is(gzipped.headers['content-encoding'], 'gzip');
  t.true(gunzipSync(gzipped.bytes).equals(bytes));
  for (const accepted of ['', '*', 'identity', 'br', 'zstd;q=0, gzip;q=0']) {
    const got = await get(scene, at, { 'accept-encoding': accepted });
    t.is(got.headers['content-encoding'], undefined, accepted);
    t.is(got.headers['content-length'], String(bytes.length));
    t.true(got.bytes.equals(bytes));
  }
  const part = await get(scene, at, { 'accept-encoding': 'zstd', range: 'bytes=0-9' });
  t.deepEqual([part.status, part.headers['content-encoding'], part.bytes.toString()], [206, undefined, 'a line of ']);
});

test('what coding does not make smaller, and what is small, is sent as it is; large text never as gzip', async (t) => {
  const accepted = { 'accept-encoding': 'gzip, zstd' };
  for (const bytes of [randomBytes(100_000), Buffer.from('hello'.repeat(100))]) {
    const { scene, at } = await openWith(t, bytes);
    t.is((await get(scene, at, accepted)).headers['content-encoding'], undefined);
  }
  const { scene, at } = await openWith(t, Buffer.alloc(2_000_000, 'text '));
  t.is((await get(scene, at, { 'accept-encoding': 'gzip' })).headers['content-encoding'], undefined);
  t.is((await get(scene, at, accepted)).headers['content-encoding'], 'zstd');
});

test('a damaged blob breaks off also when it is coded', async (t) => {
  const bytes = Buffer.from('a line of text\n'.repeat(100_000));
  const { scene, at } = await openWith(t, bytes);
  const hash = sha256(bytes);
  const damaged = Buffer.from(bytes);
  damaged[1_000_000] = 0;
  await writeFile(path.join(scene.data, 'blobs', hash.slice(0, 2), hash), damaged);
  await t.throwsAsync(get(scene, at, { 'accept-encoding': 'zstd' }));
  await t.throwsAsync(get(scene, at));
});
