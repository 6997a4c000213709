import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import type { ExecutionContext } from 'ava';
import express, { type Express } from 'express';
import test from 'ava';
import { copyFile } from 'node:fs/promises';
import { certificateWatch, readCertificate } from '../../src/door/certificate.ts';
import { type DoorOptions, listen, openDoor } from '../../src/door/listen.ts';
import { temporary } from '../program.ts';
import { openScene } from '../server-scene.ts';
import { makeCertificate } from './certificates.ts';

async function open(
  t: ExecutionContext,
  options: Partial<DoorOptions> = {},
  prepare: (app: Express) => unknown = () => undefined,
) {
  const app = express();
  prepare(app);
  app.get('/', (_request, response) => void response.send('hello'));
  const server = openDoor(app, { mostConnections: 100, dropped: () => undefined, ...options });
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 });
  return { port, server };
}

/** Connects, says the text, and listens until the line is cut; answers what was heard and for how long. */
async function sayAndWait(port: number, text: string) {
  const began = performance.now();
  const socket = net.connect(port, '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk) => (heard += String(chunk)));
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => undefined);
  socket.write(text);
  await closed;
  return { heard, tookMs: performance.now() - began };
}

for (const [who, text] of [
  ['says nothing', ''],
  ['does not end its first line', 'GET / HT'],
  ['sends one header after the other without end', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n'],
] as const) {
  test(`a caller that ${who} is cut off`, async (t) => {
    const { port } = await open(t, { headersWithinMs: 200 });
    const { tookMs } = await sayAndWait(port, text);
    t.true(tookMs > 150, String(tookMs));
  });
}

test('a caller that reads nothing of its answer is cut off, one that only waits for it is not', async (t) => {
  const large = Buffer.alloc(64 * 1024 ** 2);
  const cut = Promise.withResolvers<void>();
  const { port } = await open(t, { unreadMs: 600 }, (app) => {
    app.get('/large', (request, response) => {
      request.socket.on('close', () => cut.resolve());
      response.send(large);
    });
    app.get('/late', (_request, response) => setTimeout(() => response.send('at last'), 1500));
  });
  const deaf = net.connect({ port, host: '127.0.0.1' });
  deaf.on('error', () => undefined);
  deaf.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
  const late = fetch(`http://127.0.0.1:${port}/late`);
  await cut.promise;
  // Reading again, it finds what was in its own socket, and then the end.
  let heard = 0;
  const closed = new Promise((resolve) => deaf.on('close', resolve));
  deaf.on('data', (chunk) => (heard += chunk.length));
  await closed;
  t.true(heard > 0 && heard < 60 * 1024 ** 2, String(heard));
  t.is(await (await late).text(), 'at last');
});

test('more connections than the server takes are closed at once, and that is said', async (t) => {
  const dropped: number[] = [];
  const { port } = await open(t, { mostConnections: 2, dropped: (count) => void dropped.push(count) });
  const held = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
  await Promise.all(held.map((socket) => once(socket, 'connect')));
  for (let times = 0; times < 3; times += 1)
    t.is((await sayAndWait(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).heard, '');
  t.deepEqual(dropped, [1]);
  held[0]?.destroy();
  await t.notThrowsAsync(async () => {
    for (;;) {
      const { heard } = await sayAndWait(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      if (heard.endsWith('hello')) return;
    }
  });
});

/** The body of an answer over TLS, and the certificate it came with. */
async function getSecurely(port: number, ca: string) {
  const request = https.get({ host: '127.0.0.1', port, ca, agent: false, path: '/login/' });
  const [response] = (await once(request, 'response')) as [IncomingMessage & { socket: tls.TLSSocket }];
  const name = response.socket.getPeerCertificate().subject.CN;
  await response.toArray();
  return { name, headers: response.headers, protocol: response.socket.getProtocol() };
}

test('with a certificate the server speaks https, gives Secure cookies and asks to be called so for a year', async (t) => {
  const { cert, key, text } = await makeCertificate(await temporary(t), 'one');
  const { url } = await openScene(t, { settings: { tls_cert: cert, tls_key: key } });
  const { name, headers, protocol } = await getSecurely(Number(new URL(url()).port), text);
  t.is(name, 'one');
  t.is(protocol, 'TLSv1.3');
  t.regex(headers['set-cookie']?.[0] ?? '', /; Secure/);
  t.regex(headers['strict-transport-security'] ?? '', /^max-age=31536000$/);
  await t.throwsAsync(fetch(`${url()}/login/`));
});

test('TLS older than 1.2 is refused', async (t) => {
  const { port } = await open(t, {
    certificate: await readCertificate(await makeCertificate(await temporary(t), 'one')),
  });
  const connect = async (version: tls.SecureVersion) => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      maxVersion: version,
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    try {
      await once(socket, 'secureConnect');
      return socket.getProtocol();
    } finally {
      socket.destroy();
    }
  };
  t.is(await connect('TLSv1.2'), 'TLSv1.2');
  await t.throwsAsync(connect('TLSv1.1'));
});

test('a renewed certificate is used for new connections without a restart', async (t) => {
  const directory = await temporary(t);
  const [files, next] = [await makeCertificate(directory, 'one'), await makeCertificate(directory, 'next')];
  const certificate = await readCertificate(files);
  const { port, server } = await open(t, { certificate });
  const pass = certificateWatch(files, certificate, {
    renewed: (renewed) => (server as https.Server).setSecureContext(renewed),
    refused: () => t.fail(),
  });
  t.is((await getSecurely(port, files.text)).name, 'one');
  await copyFile(next.cert, files.cert);
  await copyFile(next.key, files.key);
  await pass();
  t.is((await getSecurely(port, next.text)).name, 'next');
});

test('an address that cannot be had is named', async (t) => {
  const { port } = await open(t);
  const second = openDoor(express(), { mostConnections: 1, dropped: () => undefined });
  const message = `Cannot listen on 127.0.0.1:${port}: another program listens there; choose another port.`;
  await t.throwsAsync(listen(second, { host: '127.0.0.1', port }), { code: 'bad-config', message });
});
