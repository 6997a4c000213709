import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readlink, rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { openScene, type Scene, send } from '../server-scene.ts';
import { until } from '../until.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
/** All files of the store but the lock of the server, by their paths in it. */
const filesOf = async ({ data }: Scene) => {
  const root = path.join(data, 'blobs');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const kept = entries.filter((entry) => entry.isFile() && entry.name !== 'lock');
  return kept.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)));
};

/** Sends bytes as they are and answers what comes back until the server hangs up or a while is over. */
function talk({ url }: Scene, text: string, hangUp = false): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url());
    const socket = net.connect(Number(port), hostname, () => {
      socket.write(text, () => hangUp && socket.destroy());
    });
    let heard = '';
    socket.on('data', (chunk) => {
      heard += String(chunk);
      if (heard.endsWith('}')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard));
  });
}

test('an upload makes a new reference each time and keeps the bytes once', async (t) => {
  const scene = await openScene(t);
  const [one, two] = [await scene.upload('client', 'hello'), await scene.upload('client', 'hello')];
  t.not(one, two);
  t.is((await filesOf(scene)).length, 1);
  const shown = await scene.as('client', `/blob/reference/${one}/`, { method: 'PUT' });
  t.like(shown.json['reference'], { key: one, blob: sha256('hello'), size: 5 });
  const blob = await scene.as('client', `/blob/blob/${sha256('hello')}/`, { method: 'PUT' });
  t.like(blob.json['blob'], { key: sha256('hello'), size: 5, references: 2 });
});

test('bytes come back with length, hash and name', async (t) => {
  const { as, upload } = await openScene(t);
  const key = await upload('client', 'hello');
  for (const at of [`/blob/reference/${key}/`, `/blob/blob/${sha256('hello')}/`]) {
    const got = await as('client', at);
    t.is(got.text, 'hello');
    t.is(got.headers.get('content-type'), 'application/octet-stream');
    t.is(got.headers.get('content-length'), '5');
    t.is(got.headers.get('etag'), `"${sha256('hello')}"`);
    t.is(got.headers.get('content-disposition'), `inline; filename="${sha256('hello').slice(6)}"`);
    const head = await as('client', at, { method: 'HEAD' });
    t.deepEqual([head.status, head.text, head.headers.get('content-length')], [200, '', '5']);
    const known = await as('client', at, {
      headers: { 'if-none-match': `"${sha256('hello')}"`, 'cache-control': 'max-age=0' },
    });
    t.deepEqual([known.status, known.text], [304, '']);
  }
});

test('a chunked body is stored whole, an empty one too', async (t) => {
  const { as, upload } = await openScene(t);
  const body = new ReadableStream({
    start(controller) {
      for (const part of ['hel', 'lo']) controller.enqueue(Buffer.from(part));
      controller.close();
    },
  });
  const { json } = await as('client', '/blob/reference/', { body });
  t.like(json['reference'], { blob: sha256('hello'), size: 5 });
  t.is((await as('client', `/blob/reference/${await upload('client', '')}/`)).text, '');
});

test('hostile input 53: bodies that are not whole are refused and leave nothing', async (t) => {
  const scene = await openScene(t);
  const head = `POST /blob/reference/ HTTP/1.1\r\nHost: x\r\nAuthorization: ${scene.authorization('client').authorization}\r\n`;
  await talk(scene, `${head}Content-Length: 10\r\n\r\nshort`, true);
  await talk(scene, `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`, true);
  const bad = await talk(scene, `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n`);
  t.regex(bad, /^HTTP\/1.1 400/);
  const multipart = await talk(
    scene,
    `${head}Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 2\r\n\r\nab`,
  );
  t.regex(multipart, /^HTTP\/1.1 400.*"bad-body"/s);
  const zipped = await talk(scene, `${head}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab`);
  t.regex(zipped, /"bad-body"/);
  // The uploads that were cut off are still being cleaned up when their callers are gone.
  await t.notThrowsAsync(until(async () => (await filesOf(scene)).length === 0));
});

test('a body over the limit is refused before it is read, and while it is', async (t) => {
  const { as } = await openScene(t, { settings: { largest_blob: 10 } });
  const announced = await as('client', '/blob/reference/', { body: 'x'.repeat(11) });
  t.is(announced.status, 413);
  const body = new ReadableStream({
    pull(controller) {
      controller.enqueue(Buffer.alloc(8));
    },
  });
  const endless = await as('client', '/blob/reference/', { body }).catch(() => undefined);
  t.true(endless === undefined || endless.status === 413);
  t.is((await as('client', '/blob/reference/', { body: 'x'.repeat(10) })).status, 200);
});

// Alone: what the others have this process do would count as silence too.
test.serial('regression: an upload that falls silent is cut off and leaves nothing, a slow one is kept', async (t) => {
  const broken: string[] = [];
  const scene = await openScene(t, { uploadSilenceMs: 5000, heard: (line) => void broken.push(line) });
  const head = `POST /blob/reference/ HTTP/1.1\r\nHost: x\r\nAuthorization: ${scene.authorization('client').authorization}\r\n`;
  const silent = talk(scene, `${head}Content-Length: 10\r\n\r\nshort`);
  // Silent for a short while again and again: in all for longer than the other one.
  const body = new ReadableStream({
    async pull(controller) {
      await sleep(300);
      controller.enqueue(Buffer.from('x'));
      if ((sent += 1) === 20) controller.close();
    },
  });
  let sent = 0;
  t.like((await scene.as('client', '/blob/reference/', { body })).json['reference'], { size: 20 });
  await silent;
  const hash = sha256('x'.repeat(20));
  await t.notThrowsAsync(until(async () => (await filesOf(scene)).join() === `${hash.slice(0, 2)}/${hash}`));
  t.deepEqual(broken, []);
});

test('bytes that the server has are linked by hash, others are not found', async (t) => {
  const { as, upload } = await openScene(t);
  await upload('client', 'hello');
  const { json } = await as('other', `/blob/blob/${sha256('hello')}/`, { method: 'POST' });
  t.like(json['reference'], { blob: sha256('hello'), size: 5 });
  t.is((await as('other', `/blob/blob/${sha256('?')}/`, { method: 'POST' })).status, 404);
});

test('regression: a blob whose file is gone is asked for again, and healed by it', async (t) => {
  const scene = await openScene(t);
  const key = await scene.upload('client', 'hello');
  const [file = ''] = await filesOf(scene);
  await rm(path.join(scene.data, 'blobs', file));
  t.is((await scene.as('client', `/blob/blob/${sha256('hello')}/`, { method: 'POST' })).status, 404);
  t.is((await scene.as('client', `/blob/reference/${key}/`)).status, 500);
  await scene.upload('client', 'hello');
  t.is((await scene.as('client', `/blob/reference/${key}/`)).text, 'hello');
});

/** Files of the store that this process, the server, has open. */
async function openFiles({ data }: Scene): Promise<string[]> {
  const links = await readdir('/proc/self/fd');
  const targets = await Promise.all(links.map((link) => readlink(`/proc/self/fd/${link}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(path.join(data, 'blobs')) && !target.endsWith('/lock'));
}

test('regression: callers that hang up before their blob comes leave no file open, and are no error', async (t) => {
  const broken: string[] = [];
  const scene = await openScene(t, { heard: (line) => void broken.push(line) });
  const key = await scene.upload('client', 'x'.repeat(1024 ** 2));
  const { hostname, port } = new URL(scene.url());
  const ask = `GET /blob/reference/${key}/ HTTP/1.1\r\nHost: x\r\nAuthorization: ${scene.authorization('client').authorization}\r\n\r\n`;
  for (let round = 0; round < 10; round += 1) {
    const calls = Array.from({ length: 40 }, async (_, index) => {
      const socket = net.connect(Number(port), hostname);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(ask);
      await sleep(index % 3);
      socket.resetAndDestroy();
    });
    await Promise.all(calls);
  }
  // Calls whose callers have gone may still be on their way to their blob.
  let quiet = 0;
  await t.notThrowsAsync(
    until(async () => {
      quiet = (await openFiles(scene)).length === 0 ? quiet + 1 : 0;
      return quiet === 50;
    }),
  );
  t.is((await scene.as('client', `/blob/reference/${key}/`)).text.length, 1024 ** 2);
  t.deepEqual(broken, []);
});

test('references of others are for inspectors, and anonymous callers learn nothing about blobs', async (t) => {
  const { as, upload, url } = await openScene(t);
  const at = `/blob/reference/${await upload('client', 'hello')}/`;
  t.is((await as('client', at)).status, 200);
  t.is((await as('inspector', at)).status, 200);
  for (const name of ['other', 'foreman', 'nobody'] as const) {
    t.is((await as(name, at)).status, 403);
    t.is((await as(name, at, { method: 'PUT' })).status, 403);
    t.is((await as(name, at, { method: 'DELETE' })).status, 403);
  }
  t.is((await as('nobody', '/blob/reference/', { body: 'x' })).status, 403);
  for (const hash of [sha256('hello'), sha256('?')]) t.is((await send(`${url()}/blob/blob/${hash}/`)).status, 403);
  t.is((await as('client', `/blob/reference/${'0'.repeat(32)}/`)).status, 404);
});

test('a task cannot name a reference of another user', async (t) => {
  const { as, upload, put } = await openScene(t);
  const files = { a: { reference: await upload('client', 'hello') } };
  const { json } = await as('other', '/task/task/', { json: { image: 'x', files } });
  t.like(json, { status: 'FAIL', message: 'Reference for file a is unknown', code: 'reference-unknown' });
  await t.notThrowsAsync(put('client', { files }));
});

test('a foreman reads the files of the tasks it holds, and only those', async (t) => {
  const { as, upload, put, take } = await openScene(t);
  const [one, two] = [await upload('client', 'one'), await upload('client', 'two')];
  await put('client', { files: { a: { reference: one } } });
  t.is((await as('foreman', `/blob/reference/${one}/`)).status, 403);
  await take('foreman', 'f');
  t.is((await as('foreman', `/blob/reference/${one}/`)).text, 'one');
  t.is((await as('foreman', `/blob/reference/${two}/`)).status, 403);
  t.is((await as('second', `/blob/reference/${one}/`)).status, 403);
});

test('a reference is given up once, by its owner or a manager', async (t) => {
  const { as, upload } = await openScene(t);
  for (const name of ['client', 'manager'] as const) {
    const at = `/blob/reference/${await upload('client', 'hello')}/`;
    t.is((await as('other', at, { method: 'DELETE' })).status, 403);
    t.deepEqual((await as(name, at, { method: 'DELETE' })).json, { deleted: true, status: 'OK' });
    t.is((await as(name, at, { method: 'DELETE' })).status, 404);
    t.is((await as('client', at)).status, 404);
  }
  t.like((await as('client', `/blob/blob/${sha256('hello')}/`, { method: 'PUT' })).json['blob'], { references: 0 });
});

test('regression: a reference that is given up while a task names it stays for that task', async (t) => {
  const { as, upload, put, take } = await openScene(t);
  const reference = await upload('client', 'hello');
  const at = `/blob/reference/${reference}/`;
  const id = await put('client', { files: { a: { reference } } });
  t.is((await as('client', at, { method: 'DELETE' })).status, 200);
  t.is((await as('client', at, { method: 'DELETE' })).status, 404);
  t.is((await as('inspector', at)).status, 404);
  t.is((await as('client', at)).text, 'hello');
  t.is((await take('foreman', 'f'))?.task, id);
  t.is((await as('foreman', at)).text, 'hello');
  const { json } = await as('client', '/task/task/', { json: { image: 'x', files: { b: { reference } } } });
  t.is(json['code'], 'reference-unknown');
});

test('a manager removes a blob with all its references and its bytes', async (t) => {
  const scene = await openScene(t);
  const { as, upload } = scene;
  const keys = [await upload('client', 'hello'), await upload('other', 'hello'), await upload('client', 'other')];
  const at = `/blob/blob/${sha256('hello')}/`;
  t.is((await as('client', at, { method: 'DELETE' })).status, 403);
  t.deepEqual((await as('manager', at, { method: 'DELETE' })).json, { deleted: true, status: 'OK' });
  t.is((await as('manager', at, { method: 'DELETE' })).status, 404);
  const seen = await Promise.all(
    keys.map(async (key, index) => (await as(index === 1 ? 'other' : 'client', `/blob/reference/${key}/`)).status),
  );
  t.deepEqual(seen, [404, 404, 200]);
  t.deepEqual(await filesOf(scene), [`${sha256('other').slice(0, 2)}/${sha256('other')}`]);
});

test('a blob that a task still needs is not removed, and the task is named', async (t) => {
  const scene = await openScene(t);
  const { as, upload, put, take } = scene;
  const reference = await upload('client', 'hello');
  const id = await put('client', { files: { a: { reference } } });
  await as('client', `/blob/reference/${reference}/`, { method: 'DELETE' });
  const at = `/blob/blob/${sha256('hello')}/`;
  const refused = await as('manager', at, { method: 'DELETE' });
  t.is(refused.status, 409);
  t.is(refused.json['code'], 'in-use');
  t.true(String(refused.json['message']).includes(id));
  const attempt = (await take('foreman', 'f'))?.attempt;
  await as('foreman', '/task/result/', { json: { id, attempt, result: 0 } });
  t.is((await as('manager', at, { method: 'DELETE' })).status, 200);
  t.is((await as('client', `/blob/reference/${reference}/`)).status, 404);
  t.deepEqual(await filesOf(scene), []);
});

test('one request says which of many blobs are missing', async (t) => {
  const scene = await openScene(t);
  const { as, upload } = scene;
  const texts = Array.from({ length: 250 }, (_, index) => `file ${index}`);
  for (const text of texts) await upload('client', text);
  const unknown = Array.from({ length: 250 }, (_, index) => sha256(`unknown ${index}`));
  const lost = sha256('file 7');
  await rm(path.join(scene.data, 'blobs', lost.slice(0, 2), lost));
  const hashes = [...texts.map(sha256), ...unknown, ...unknown];
  const { json } = await as('client', '/blob/missing/', { json: { hashes } });
  t.deepEqual(json, { missing: [lost, ...unknown], status: 'OK' });
  t.deepEqual((await as('client', '/blob/missing/', { json: { hashes: [] } })).json, { missing: [], status: 'OK' });
  t.is((await as('nobody', '/blob/missing/', { json: { hashes } })).status, 403);
  t.is((await as('client', '/blob/missing/', { json: { hashes: ['../../etc'] } })).status, 400);
});

test('one request makes references to many blobs, or to none of them', async (t) => {
  const { as, upload } = await openScene(t);
  const texts = Array.from({ length: 130 }, (_, index) => `file ${index}`);
  for (const text of texts) await upload('client', text);
  const hashes = [...texts.map(sha256), sha256('file 0')];
  const { json } = await as('other', '/blob/references/', { json: { hashes } });
  const references = json['references'] as { key: string; blob: string; size: number }[];
  t.deepEqual(
    references.map(({ blob }) => blob),
    hashes,
  );
  t.is(new Set(references.map(({ key }) => key)).size, 131);
  t.deepEqual(json['missing'], []);
  t.is((await as('other', `/blob/reference/${references[7]?.key ?? ''}/`)).text, 'file 7');
  const none = await as('other', '/blob/references/', { json: { hashes: [sha256('?'), ...hashes, sha256('?')] } });
  t.deepEqual(none.json, { references: [], missing: [sha256('?')], status: 'OK' });
  t.like((await as('client', `/blob/blob/${sha256('file 0')}/`, { method: 'PUT' })).json['blob'], { references: 3 });
});

test('hostile input 54: tricks with identifiers are refused', async (t) => {
  const scene = await openScene(t);
  const { as } = scene;
  const upper = sha256('hello').toUpperCase();
  for (const name of [upper, sha256('').slice(1), '%2e%2e%2f%2e%2e%2fetc', `${sha256('')}0`]) {
    t.is((await as('client', `/blob/blob/${name}/`, { method: 'POST' })).status, 400, name);
  }
  const { authorization } = scene.authorization('client');
  for (const out of ['../../', '../../../etc/passwd', '..', `./${sha256('')}/`]) {
    // As it is: a client that knows what it means would not send it so.
    const said = await talk(
      scene,
      `GET /blob/blob/${out} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`,
    );
    t.regex(said, /^HTTP\/1.1 400 .*"bad-value"/s, out);
  }
});
