import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { GridError } from '@kolejka/protocol';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import express, { type NextFunction, type Request, type Response } from 'express';
import { openBodies } from '../src/serve-body.ts';

/** A server that answers what it reads, or the code of the refusal. */
async function open(t: ExecutionContext, { largest = 1000, room = 1e6, small = 0 } = {}) {
  const app = express();
  const readBody = openBodies(room, small)({ largest, withinMs: 60_000 });
  let begun = Promise.withResolvers<void>();
  app.post('/', async (request, response) => {
    const reading = readBody(request);
    begun.resolve();
    response.json(await reading);
  });
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    response.status(503).send(error instanceof GridError ? error.code : String(error));
  });
  const server = http.createServer(app).listen(0, '127.0.0.1');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const post = async (body: string | Uint8Array<ArrayBuffer>, encoding?: string) => {
    const headers: Record<string, string> = encoding === undefined ? {} : { 'content-encoding': encoding };
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body, headers });
    return `${response.status} ${await response.text()}`;
  };
  /** Says the text on a line of its own; comes back when the server has begun to read what follows. */
  const begin = async (said: string): Promise<net.Socket> => {
    begun = Promise.withResolvers();
    const socket = net.connect(port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    socket.write(said);
    await begun.promise;
    return socket;
  };
  return { port, post, begin };
}

const PACKINGS = {
  gzip: promisify(zlib.gzip),
  deflate: promisify(zlib.deflate),
  br: promisify(zlib.brotliCompress),
  zstd: promisify(zlib.zstdCompress),
};
for (const [name, pack] of Object.entries(PACKINGS)) {
  const packed = async (text: string) => new Uint8Array(await pack(Buffer.from(text)));

  test(`a body packed with ${name} is read, and refused when it is torn`, async (t) => {
    const { post } = await open(t);
    const bytes = await packed('{"a":1}');
    t.is(await post(bytes, name), '200 {"a":1}');
    t.is(await post(bytes.subarray(0, -3), name), '503 bad-body');
    t.is(await post('{"a":1}', name), '503 bad-body');
  });

  test(`hostile input 33: a body that ${name} packed from far more than is taken is unpacked no further`, async (t) => {
    const { post } = await open(t);
    const bomb = await packed(' '.repeat(64 * 1024 ** 2));
    const before = process.memoryUsage().arrayBuffers;
    t.is(await post(bomb, name), '503 too-large');
    t.true(process.memoryUsage().arrayBuffers - before < 16 * 1024 ** 2);
  });
}

test('regression: a body in zstd that would be looked back on further than HTTP allows is refused', async (t) => {
  const { post } = await open(t, { largest: 1e6 });
  const params = { [zlib.constants.ZSTD_c_windowLog]: 27, [zlib.constants.ZSTD_c_enableLongDistanceMatching]: 1 };
  const packed = await promisify(zlib.zstdCompress)(Buffer.from('{"a":1}'), {
    params: { ...params, [zlib.constants.ZSTD_c_contentSizeFlag]: 0 },
  });
  t.is(await post(new Uint8Array(packed), 'zstd'), '503 bad-body');
});

test('a packing nobody knows is refused', async (t) => {
  const { post } = await open(t);
  for (const name of ['compress', 'gzip, gzip', 'aes128gcm']) t.is(await post('{}', name), '503 bad-body', name);
  t.is(await post('{}', 'identity'), '200 {}');
});

for (const [name, start] of [
  ['that says its length', 'Content-Length: 1000000000'],
  ['in chunks', 'Transfer-Encoding: chunked'],
] as const) {
  test(`a body ${name} is refused as soon as it is known to be too large`, async (t) => {
    const { port } = await open(t);
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\n${start}\r\n\r\n`);
    // No more than is needed to know it, and no end.
    if (start.startsWith('Transfer')) socket.write(`800\r\n${' '.repeat(0x800)}\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    t.regex(answer.toString(), /^HTTP\/1.1 503 .*too-large$/s);
  });
}

test('bodies that are read at the same time share their room; one alone is always read', async (t) => {
  const { post, begin } = await open(t, { room: 100 });
  const [small, large] = ['{"a":1}', JSON.stringify({ a: 'x'.repeat(200) })];
  t.is(await post(large), `200 ${large}`);

  const slow = await begin('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 95\r\n\r\n{');
  t.is(await post(large), '503 busy');
  t.is(await post(small), '503 busy');
  slow.end(`${' '.repeat(93)}}`);
  await once(slow, 'data');
  t.is(await post(small), `200 ${small}`);
  t.is(await post(large), `200 ${large}`);
});

test('regression: small bodies are read whoever holds the room', async (t) => {
  const { post, begin } = await open(t, { room: 100, small: 10 });
  await begin('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 95\r\n\r\n{');
  t.is(await post(`{"a":"${'x'.repeat(90)}"}`), '503 busy');
  t.is(await post('{"a":1}'), '200 {"a":1}');
});
