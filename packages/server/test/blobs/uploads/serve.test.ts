import { createHash, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import { mkdir, readdir, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { realClock } from '@kolejka/program';
import test from 'ava';
import { Upload } from 'tus-js-client';
import { addUser, createToken } from '../../../src/accounts.ts';
import { runServer, temporary } from '../../program.ts';
import { openScene, type Scene, send } from '../../server-scene.ts';
import { until } from '../../until.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const TUS = { 'tus-resumable': '1.0.0' };
const PIECE = { ...TUS, 'content-type': 'application/offset+octet-stream' };

/** Uploads as a program that knows the protocol does; answers the reference and where the upload was. */
function uploadByTus(
  url: string,
  headers: Record<string, string>,
  bytes: Buffer,
  options: { chunkSize?: number; uploadUrl?: string; metadata?: Record<string, string> } = {},
): Promise<{ reference: string | undefined; at: string | null }> {
  return new Promise((resolve, reject) => {
    let reference: string | undefined;
    const upload = new Upload(bytes, {
      endpoint: `${url}/blob/upload/`,
      headers,
      retryDelays: [50, 200, 500],
      onAfterResponse: (_request, response) => void (reference = response.getHeader('Upload-Reference') ?? reference),
      onError: reject,
      onSuccess: () => resolve({ reference, at: upload.url }),
      ...options,
    });
    upload.start();
  });
}

async function begin(scene: Scene, size: number, metadata?: Record<string, string>): Promise<string> {
  const said = Object.entries(metadata ?? {}).map(
    ([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`,
  );
  const headers = { ...TUS, 'upload-length': String(size), ...(said.length > 0 && { 'upload-metadata': said.join() }) };
  const { status, headers: answered, text } = await scene.as('client', '/blob/upload/', { method: 'POST', headers });
  if (status !== 201) throw new Error(`${status} ${text}`);
  return new URL(answered.get('location') ?? '', `${scene.url()}/blob/upload/`).pathname;
}
const add = (scene: Scene, at: string, offset: number, bytes: Buffer, name: 'client' | 'other' = 'client') =>
  scene.as(name, at, {
    method: 'PATCH',
    headers: { ...PIECE, 'upload-offset': String(offset) },
    body: new Uint8Array(bytes),
  });
const offsetOf = async (scene: Scene, at: string) =>
  Number((await scene.as('client', at, { method: 'HEAD', headers: TUS })).headers.get('upload-offset'));
/** So much is written to the disk as soon as it has come. */
const BATCH = 1024 ** 2;
/** What of an upload is in its file by now, safe or not. */
const sizeOf = async ({ data }: Scene, at: string) =>
  (await stat(path.join(data, 'blobs', 'uploads', at.split('/').at(-2) ?? '', 'bytes'))).size;
const kept = async ({ data }: Scene) => {
  const entries = await readdir(path.join(data, 'blobs'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && entry.name !== 'lock').map(({ name }) => name);
};

test('tus-js-client uploads in pieces and learns the reference', async (t) => {
  const scene = await openScene(t);
  const bytes = randomBytes(1_000_000);
  const { reference } = await uploadByTus(scene.url(), scene.authorization('client'), bytes, {
    chunkSize: 300_000,
    metadata: { sha256: sha256(bytes) },
  });
  const shown = await scene.as('client', `/blob/reference/${reference ?? ''}/`, { method: 'PUT' });
  t.like(shown.json['reference'], { blob: sha256(bytes), size: 1_000_000 });
  t.deepEqual(await kept(scene), [sha256(bytes)]);
});

test('an upload that broke goes on where it was, also at a restarted server', async (t) => {
  const scene = await openScene(t);
  const bytes = randomBytes(BATCH + 500_000);
  const at = await begin(scene, bytes.length, { sha256: sha256(bytes) });
  const { hostname, port } = new URL(scene.url());
  // The connection breaks in the middle of a piece.
  const asked = request({
    hostname,
    port,
    path: at,
    method: 'PATCH',
    headers: { ...PIECE, ...scene.authorization('client'), 'upload-offset': 0, 'content-length': bytes.length },
  });
  asked.on('error', () => undefined);
  asked.write(bytes.subarray(0, BATCH));
  await until(async () => (await sizeOf(scene, at)) === BATCH);
  asked.destroy();
  await until(async () => (await offsetOf(scene, at)) === BATCH);
  await scene.restart();
  t.is(await offsetOf(scene, at), BATCH);
  const { reference } = await uploadByTus(scene.url(), scene.authorization('client'), bytes, {
    uploadUrl: scene.url() + at,
  });
  const got = await scene.as('client', `/blob/reference/${reference ?? ''}/`, { method: 'PUT' });
  t.like(got.json['reference'], { blob: sha256(bytes) });
  const again = await scene.as('client', at, { method: 'HEAD', headers: TUS });
  t.is(again.headers.get('upload-reference'), reference ?? '');
  t.is(again.headers.get('upload-offset'), String(bytes.length));
});

test('what a server that was killed has said is safe is safe', async (t) => {
  const data = await temporary(t);
  await addUser({ data }, { name: 'kim', password: 'x', email: '', groups: ['clients'] });
  const headers = { authorization: `Bearer ${await createToken({ data }, { name: 'kim' })}` };
  const bytes = randomBytes(4_000_000);
  const first = await runServer(t, data);
  const made = await send(`${first.url}/blob/upload/`, {
    method: 'POST',
    headers: { ...headers, ...TUS, 'upload-length': String(bytes.length) },
  });
  const at = `/blob/upload/${made.headers.get('location') ?? ''}`;
  let heard = 0;
  for (const end of [1_000_000, 2_000_000, 3_000_000]) {
    const { status } = await send(first.url + at, {
      method: 'PATCH',
      headers: { ...headers, ...PIECE, 'upload-offset': String(heard) },
      body: new Uint8Array(bytes.subarray(heard, end)),
    });
    t.is(status, 204);
    heard = end;
    if (end === 2_000_000) {
      // The next piece is on its way.
      void send(first.url + at, {
        method: 'PATCH',
        headers: { ...headers, ...PIECE, 'upload-offset': String(heard) },
        body: new Uint8Array(bytes.subarray(heard)),
      }).catch(() => undefined);
      await first.end('SIGKILL');
      break;
    }
  }
  const { url } = await runServer(t, data);
  const head = await send(url + at, { method: 'HEAD', headers: { ...headers, ...TUS } });
  t.true(Number(head.headers.get('upload-offset')) >= heard);
  const { reference } = await uploadByTus(url, headers, bytes, { uploadUrl: url + at });
  const got = await send(`${url}/blob/reference/${reference ?? ''}/`, { method: 'PUT', headers });
  t.like(got.json['reference'], { blob: sha256(bytes), size: bytes.length });
});

test('hostile input 53: an upload of another hash than announced is refused at its end and leaves nothing', async (t) => {
  const scene = await openScene(t);
  const at = await begin(scene, 5, { sha256: sha256(Buffer.from('other')) });
  t.is((await add(scene, at, 0, Buffer.from('hel'))).status, 204);
  const last = await add(scene, at, 3, Buffer.from('lo'));
  t.is(last.status, 400);
  t.is(last.json['code'], 'bad-body');
  t.is((await scene.as('client', at, { method: 'HEAD', headers: TUS })).status, 404);
  t.deepEqual(await kept(scene), []);
});

test('pieces at a wrong offset, of too many bytes, or by another user change nothing', async (t) => {
  const scene = await openScene(t);
  const at = await begin(scene, 10);
  t.is((await add(scene, at, 0, Buffer.from('hello'))).status, 204);
  t.like(await add(scene, at, 0, Buffer.from('hello')), { status: 409 });
  t.like(await add(scene, at, 7, Buffer.from('hel')), { status: 409 });
  t.like(await add(scene, at, 5, Buffer.from('too many bytes')), { status: 413 });
  t.like(await add(scene, at, 5, Buffer.from('world'), 'other'), { status: 404 });
  t.is((await scene.as('other', at, { method: 'DELETE', headers: TUS })).status, 404);
  t.is(await offsetOf(scene, at), 5);
  const last = await add(scene, at, 5, Buffer.from('world'));
  t.is(last.status, 204);
  const got = await scene.as('client', `/blob/reference/${last.headers.get('upload-reference') ?? ''}/`);
  t.is(got.text, 'helloworld');
  t.like(await add(scene, at, 10, Buffer.from('')), { status: 409 });
});

test('uploads without a length, too long ones, and requests of another protocol are refused', async (t) => {
  const scene = await openScene(t, { settings: { largest_blob: 100, quota_bytes: 50 } });
  const create = async (headers: Record<string, string>) => {
    const { status, json } = await scene.as('client', '/blob/upload/', { method: 'POST', headers });
    return [status, json['code']];
  };
  t.deepEqual(await create({ 'upload-length': '5' }), [412, 'wrong-version']);
  t.deepEqual(await create({ ...TUS }), [400, 'bad-value']);
  t.deepEqual(await create({ ...TUS, 'upload-length': '-5' }), [400, 'bad-value']);
  t.deepEqual(await create({ ...TUS, 'upload-length': '101' }), [413, 'too-large']);
  t.deepEqual(await create({ ...TUS, 'upload-length': '51' }), [413, 'bytes-quota-reached']);
  const bad = { ...TUS, 'upload-length': '5', 'upload-metadata': `sha256 ${Buffer.from('x').toString('base64')}` };
  t.deepEqual(await create(bad), [400, 'bad-value']);
  t.deepEqual(await readdir(path.join(scene.data, 'blobs', 'uploads')), []);
  await begin(scene, 30);
  // Those under way count as well.
  t.deepEqual(await create({ ...TUS, 'upload-length': '30' }), [413, 'bytes-quota-reached']);
  t.is((await scene.as('nobody', '/blob/upload/', { method: 'POST', headers: TUS })).status, 403);
});

test('an upload may be empty, may come with its first request, and may be dropped', async (t) => {
  const scene = await openScene(t);
  const empty = await begin(scene, 0);
  const { headers } = await scene.as('client', empty, { method: 'HEAD', headers: TUS });
  t.is((await scene.as('client', `/blob/reference/${headers.get('upload-reference') ?? ''}/`)).text, '');
  const whole = await scene.as('client', '/blob/upload/', {
    method: 'POST',
    headers: { ...PIECE, 'upload-length': '5' },
    body: 'hello',
  });
  t.is(whole.status, 201);
  t.is((await scene.as('client', `/blob/reference/${whole.headers.get('upload-reference') ?? ''}/`)).text, 'hello');
  const dropped = await begin(scene, 100);
  t.is((await add(scene, dropped, 0, Buffer.from('x'))).status, 204);
  t.is((await scene.as('client', dropped, { method: 'DELETE', headers: TUS })).status, 204);
  t.is((await scene.as('client', dropped, { method: 'HEAD', headers: TUS })).status, 404);
  t.deepEqual(
    (await kept(scene)).filter((name) => name === 'bytes'),
    [],
  );
});

test('regression: who sends a piece that is refused hears why, and goes on with the same connection', async (t) => {
  const scene = await openScene(t);
  const at = await begin(scene, 30_000_000);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ask = (method: string, where: string, headers: Record<string, string>, body?: Buffer) =>
    new Promise<{ status: number | undefined; port: number | undefined }>((resolve, reject) => {
      const all = { ...TUS, ...scene.authorization('client'), ...headers };
      const asked = request(scene.url() + where, { method, agent, headers: all }, (answer) => {
        const port = answer.socket.localPort;
        answer.resume().on('end', () => resolve({ status: answer.statusCode, port }));
      });
      asked.on('error', reject).end(body);
    });
  const { 'content-type': type } = PIECE;
  const first = await ask('PATCH', at, { 'content-type': type, 'upload-offset': '7' }, randomBytes(5_000_000));
  t.is(first.status, 409);
  t.is(
    (await ask('PATCH', at, { 'content-type': 'text/plain', 'upload-offset': '0' }, randomBytes(5_000_000))).status,
    400,
  );
  // A body of another type is none of the upload.
  const made = await ask(
    'POST',
    '/blob/upload/',
    { 'content-type': 'text/plain', 'upload-length': '5000000' },
    randomBytes(5_000_000),
  );
  t.is(made.status, 201);
  const last = await ask('HEAD', at, {});
  t.deepEqual(last, { status: 200, port: first.port });
});

test('a client that comes again while its old request hangs gets through', async (t) => {
  const scene = await openScene(t);
  const [first, rest] = [randomBytes(BATCH), randomBytes(7)];
  const at = await begin(scene, first.length + rest.length);
  const { hostname, port } = new URL(scene.url());
  const hanging = request({
    hostname,
    port,
    path: at,
    method: 'PATCH',
    headers: { ...PIECE, ...scene.authorization('client'), 'upload-offset': 0, 'content-length': first.length + 7 },
  });
  hanging.on('error', () => undefined);
  hanging.write(first);
  await until(async () => (await sizeOf(scene, at)) === BATCH);
  t.is(await offsetOf(scene, at), first.length);
  t.is((await add(scene, at, first.length, rest)).status, 204);
  hanging.destroy();
  const { headers } = await scene.as('client', at, { method: 'HEAD', headers: TUS });
  const got = await scene.as('client', `/blob/reference/${headers.get('upload-reference') ?? ''}/`, { method: 'PUT' });
  t.like(got.json['reference'], { blob: sha256(Buffer.concat([first, rest])) });
});

test('uploads expire after a day, and are cleared away by the next', async (t) => {
  let ahead = 0;
  const scene = await openScene(t, { clock: { ...realClock, now: () => Date.now() + ahead } });
  const at = await begin(scene, 10);
  await add(scene, at, 0, Buffer.from('hello'));
  const stray = path.join(scene.data, 'blobs', 'uploads', 'a'.repeat(32));
  await mkdir(stray);
  await utimes(stray, 0, 0);
  ahead = 86_400_000 + 1000;
  const next = await begin(scene, 10);
  t.is((await scene.as('client', at, { method: 'HEAD', headers: TUS })).status, 404);
  await scene.restart();
  t.deepEqual(await readdir(path.join(scene.data, 'blobs', 'uploads')), [next.split('/').at(-2) ?? '']);
});
