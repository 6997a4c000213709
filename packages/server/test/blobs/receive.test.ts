import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import path from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test from 'ava';
import { openScene, type Scene } from '../server-scene.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const digest = (bytes: Buffer) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;
const kept = async ({ data }: Scene) => {
  const entries = await readdir(path.join(data, 'blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name !== 'lock').map(({ name }) => name);
};

/** Puts bytes with these headers and answers the status and the reference or code. */
async function put(scene: Scene, bytes: Buffer, headers: Record<string, string>) {
  const { status, json } = await scene.as('client', '/blob/reference/', { body: new Uint8Array(bytes), headers });
  return { status, code: json['code'], reference: json['reference'] as { blob: string; size: number } | undefined };
}

test('hostile input 53: a body of another digest than announced is refused and leaves nothing', async (t) => {
  const scene = await openScene(t);
  const bytes = Buffer.from('hello');
  const wrong = await put(scene, bytes, { 'content-digest': digest(Buffer.from('other')) });
  t.like(wrong, { status: 400, code: 'bad-body' });
  for (const header of ['sha-256=:AAAA:', 'sha-256=hello', 'md5=:aGVsbG8=:']) {
    t.like(await put(scene, bytes, { 'content-digest': header }), { status: 400, code: 'bad-value' }, header);
  }
  t.deepEqual(await kept(scene), []);
  const right = await put(scene, bytes, { 'content-digest': `md5=:x:, ${digest(bytes)}` });
  t.is(right.reference?.blob, sha256(bytes));
});

test('regression: after a refused upload the same connection takes the next one', async (t) => {
  const scene = await openScene(t, { settings: { quota_bytes: 3_000_000 } });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const { hostname, port } = new URL(scene.url());
  const upload = (size: number) =>
    new Promise<number | undefined>((resolve, reject) => {
      // Chunked, so that it is refused in the middle of its body.
      const headers = { ...scene.authorization('client'), 'transfer-encoding': 'chunked' };
      const asked = request({ hostname, port, agent, path: '/blob/reference/', method: 'POST', headers });
      asked.setTimeout(10_000, () => asked.destroy(new Error('no answer')));
      asked.on('error', reject);
      asked.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      });
      asked.end(randomBytes(size));
    });
  t.is(await upload(10_000_000), 413);
  t.is(await upload(1_000_000), 200);
  t.is(await upload(1_000_001), 200);
});

test('bodies in zstd and gzip are stored as the bytes they stand for', async (t) => {
  const scene = await openScene(t);
  const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join(''));
  const bodies = { zstd: zstdCompressSync(bytes), gzip: gzipSync(bytes) };
  for (const [coding, body] of Object.entries(bodies)) {
    const { reference } = await put(scene, body, { 'content-encoding': coding });
    t.like(reference, { blob: sha256(bytes), size: bytes.length }, coding);
  }
  t.deepEqual(await kept(scene), [sha256(bytes)]);
});

test('hostile input 33: bodies that are not whole, not what they say, or bombs are refused and leave nothing', async (t) => {
  const scene = await openScene(t, { settings: { largest_blob: 50 * 1024 ** 2 } });
  const text = Buffer.from('text '.repeat(1000));
  const bomb = Buffer.alloc(40 * 1024 ** 2);
  for (const [coding, compress] of [
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const) {
    const whole = compress(text);
    const bodies = {
      'cut off': whole.subarray(0, -5),
      'with something after it': Buffer.concat([whole, Buffer.from('and more')]),
      'not of the coding': text,
      empty: Buffer.alloc(0),
      'a bomb': compress(bomb),
    };
    for (const [what, body] of Object.entries(bodies)) {
      t.like(
        await put(scene, body, { 'content-encoding': coding }),
        { status: 400, code: 'bad-body' },
        `${coding} ${what}`,
      );
    }
  }
  t.like(await put(scene, text, { 'content-encoding': 'br' }), { status: 400, code: 'bad-body' });
  t.deepEqual(await kept(scene), []);
  // As bytes that mean nothing to the server, a bomb is as good as any other file.
  t.is((await put(scene, gzipSync(bomb), {})).status, 200);
});

test('a coded body may not grow over the limit', async (t) => {
  const scene = await openScene(t, { settings: { largest_blob: 10_000 } });
  const bytes = Buffer.from(Array.from({ length: 2000 }, (_, index) => `line ${index}\n`).join(''));
  t.like(await put(scene, zstdCompressSync(bytes), { 'content-encoding': 'zstd' }), { status: 413, code: 'too-large' });
  t.deepEqual(await kept(scene), []);
});
