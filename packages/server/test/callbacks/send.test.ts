import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Agent } from 'undici';
import {
  type Callback,
  type Connections,
  openCallbackConnections,
  type Outcome,
  sendCallback,
} from '../../src/callbacks/send.ts';
import { receive } from './receiver.ts';

const HOSTS = ['127.0.0.1', 'localhost'];
/** Longer than any test waits: what ends sooner was not ended by it. */
const PATIENT_MS = 600_000;
const BODY = '{"task": {"id": "1"}, "result": {"id": "1"}}';

interface With {
  dispatcher?: Connections;
  signal?: AbortSignal;
}

async function call(t: ExecutionContext, url: string, more: Partial<Callback> = {}, given: With = {}) {
  const { dispatcher = openCallbackConnections(), signal = new AbortController().signal } = given;
  t.teardown(() => dispatcher.destroy());
  const callback = {
    url: new URL(url),
    body: BODY,
    hosts: HOSTS,
    userAgent: 'kolejka-server',
    timeMs: PATIENT_MS,
    ...more,
  };
  return await sendCallback(callback, dispatcher, signal);
}

/** Reason of an outcome that is not a delivery. */
function why(t: ExecutionContext, outcome: Outcome, kind: Outcome['kind']): string {
  t.is(outcome.kind, kind);
  return outcome.kind === 'delivered' ? '' : outcome.why;
}

const redirect =
  (to: string, status = 307) =>
  (response: ServerResponse) =>
    response.writeHead(status, { location: to }).end();

test('a callback is one POST of JSON under the name of the settings', async (t) => {
  const receiver = await receive(t);
  const outcome = await call(t, `${receiver.at}/judge/1?key=x#part`, { userAgent: 'our judge' });
  t.deepEqual(outcome, { kind: 'delivered', status: 200 });
  const [heard] = receiver.heard;
  t.is(receiver.heard.length, 1);
  t.like(heard, { method: 'POST', path: '/judge/1?key=x', body: BODY });
  t.like(heard?.headers, { 'content-type': 'application/json', 'user-agent': 'our judge' });
  t.is(heard?.headers.authorization, undefined);
});

test('user and password of the address are sent as a login', async (t) => {
  const receiver = await receive(t);
  await call(t, `http://kim:p%40ss@127.0.0.1:${receiver.port}/`);
  t.is(receiver.heard[0]?.headers.authorization, `Basic ${btoa('kim:p@ss')}`);
});

const STATUSES: [number, Outcome['kind']][] = [
  [200, 'delivered'],
  [204, 'delivered'],
  [303, 'delivered'],
  [304, 'refused'],
  [400, 'refused'],
  [404, 'refused'],
  [408, 'later'],
  [410, 'refused'],
  [425, 'later'],
  [429, 'later'],
  [500, 'later'],
  [503, 'later'],
];

for (const [status, kind] of STATUSES) {
  test(`an answer ${status} means ${kind}`, async (t) => {
    const receiver = await receive(t, (response) => response.writeHead(status).end());
    const outcome = await call(t, receiver.at);
    t.is(outcome.kind, kind);
    t.is(receiver.heard.length, 1);
    if (outcome.kind !== 'delivered') t.regex(outcome.why, new RegExp(`${status}`));
  });
}

test('a receiver can ask for a pause, of an hour at most', async (t) => {
  const pauses = ['120', '999999999', 'Fri, 31 Dec 1999 23:59:59 GMT', '-5'];
  const receiver = await receive(t, (response, nth) => {
    response.writeHead(503, { 'retry-after': pauses[nth - 1] }).end();
  });
  const asked = [];
  for (const _ of pauses) asked.push(await call(t, receiver.at));
  t.deepEqual(
    asked.map((outcome) => (outcome.kind === 'later' ? outcome.afterMs : -1)),
    [120_000, 3_600_000, undefined, undefined],
  );
});

test('a redirect on the same host is followed with the same request, and keeps the login', async (t) => {
  const receiver = await receive(t, (response, nth) => {
    if (nth === 1) redirect('/new/?x', 301)(response);
    else if (nth === 2) redirect('newer', 302)(response);
    else response.end();
  });
  t.is((await call(t, `http://kim:x@127.0.0.1:${receiver.port}/old`)).kind, 'delivered');
  t.deepEqual(
    receiver.heard.map((heard) => [heard.method, heard.path, heard.body === BODY, heard.headers.authorization]),
    ['/old', '/new/?x', '/new/newer'].map((at) => ['POST', at, true, `Basic ${btoa('kim:x')}`]),
  );
});

test('a login is not sent on to another port of the host', async (t) => {
  const other = await receive(t);
  const receiver = await receive(t, redirect(`${other.at}/`));
  t.is((await call(t, `http://kim:x@127.0.0.1:${receiver.port}/`)).kind, 'delivered');
  t.is(other.heard[0]?.headers.authorization, undefined);
});

test('hostile input 55: a redirect to the metadata address is not followed', async (t) => {
  const receiver = await receive(t, redirect('http://169.254.169.254/latest/meta-data/'));
  const reason = why(t, await call(t, receiver.at), 'refused');
  t.regex(reason, /redirect to http:\/\/169\.254\.169\.254, which is not followed/);
  t.is(receiver.heard.length, 1);
});

test('hostile input 55: a redirect to another allowed host is not followed', async (t) => {
  const other = await receive(t);
  const receiver = await receive(t, redirect(`http://localhost:${other.port}/`));
  why(t, await call(t, receiver.at), 'refused');
  t.is(other.connections(), 0);
});

test('hostile input 55: a redirect to a port that is not allowed is not followed', async (t) => {
  const other = await receive(t);
  const receiver = await receive(t, redirect(other.at));
  why(t, await call(t, receiver.at, { hosts: [`127.0.0.1:${receiver.port}`] }), 'refused');
  t.is(other.connections(), 0);
});

for (const to of ['file:///etc/passwd', 'gopher://127.0.0.1/', 'http://', '']) {
  test(`hostile input 55: a redirect to ${to || 'nowhere'} is refused`, async (t) => {
    const receiver = await receive(t, redirect(to));
    // An empty Location is the address itself.
    why(t, await call(t, receiver.at), 'refused');
    t.is(receiver.heard.length, to === '' ? 4 : 1);
  });
}

test('hostile input 55: redirects in a circle end', async (t) => {
  const receiver = await receive(t, redirect('/again'));
  t.is(why(t, await call(t, receiver.at), 'refused'), 'more than 3 redirects');
  t.is(receiver.heard.length, 4);
});

test('hostile input 55: a host that is not allowed gets no connection', async (t) => {
  const receiver = await receive(t);
  const reason = why(t, await call(t, receiver.at, { hosts: ['localhost'] }), 'refused');
  t.regex(reason, /^127\.0\.0\.1:\d+ is not among the hosts to be called$/);
  t.is(receiver.connections(), 0);
});

test('hostile input 55: of an answer of 10 GB hardly anything is read', async (t) => {
  const sent = Promise.withResolvers<number>();
  const receiver = await receive(t, (response) => {
    response.writeHead(200, { 'content-length': 10 * 1024 ** 3 });
    const part = Buffer.alloc(64 * 1024);
    const more = () => {
      while (!response.destroyed && response.write(part));
    };
    response.on('drain', more);
    response.on('close', () => sent.resolve(response.socket?.bytesWritten ?? 0));
    more();
  });
  t.deepEqual(await call(t, receiver.at), { kind: 'delivered', status: 200 });
  // What the socket buffers of both ends hold is written though nobody reads it.
  t.true((await sent.promise) < 64 * 1024 ** 2);
});

test('hostile input 55: a never-ending answer of unknown length is cut', async (t) => {
  const cut = Promise.withResolvers<void>();
  const receiver = await receive(t, (response) => {
    response.writeHead(200);
    const part = Buffer.alloc(16 * 1024);
    const more = () => {
      while (!response.destroyed && response.write(part));
    };
    response.on('drain', more);
    response.on('close', () => cut.resolve());
    more();
  });
  t.is((await call(t, receiver.at)).kind, 'delivered');
  await cut.promise;
});

test('hostile input 55: an answer that comes byte by byte is cut', async (t) => {
  const cut = Promise.withResolvers<void>();
  const receiver = await receive(t, (response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write('.'), 100);
    response.on('close', () => {
      clearInterval(drip);
      cut.resolve();
    });
  });
  t.is((await call(t, receiver.at)).kind, 'delivered');
  await cut.promise;
});

test('hostile input 55: a receiver that says nothing costs the time of the settings', async (t) => {
  const receiver = await receive(t, () => undefined);
  const reason = why(t, await call(t, receiver.at, { timeMs: 300 }), 'later');
  t.is(reason, 'no answer within 300 ms');
});

test('hostile input 55: a head that comes byte by byte costs the time of the settings', async (t) => {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 200 OK\r\nx: ');
    const drip = setInterval(() => socket.write('.'), 50);
    socket.on('close', () => clearInterval(drip));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const reason = why(t, await call(t, `http://127.0.0.1:${port}/`, { timeMs: 400 }), 'later');
  t.is(reason, 'no answer within 400 ms');
});

test('hostile input 55: a head without end is refused', async (t) => {
  const receiver = await receive(t, (response) => {
    const socket = response.socket as net.Socket;
    socket.write('HTTP/1.1 200 OK\r\n');
    const more = () => {
      while (!socket.destroyed && socket.write(`x: ${'y'.repeat(8000)}\r\n`));
    };
    socket.on('drain', more);
    more();
  });
  t.is(why(t, await call(t, receiver.at), 'later'), 'no answer (UND_ERR_HEADERS_OVERFLOW)');
});

test('hostile input 55: a receiver that does not read what it is sent costs the time of the settings', async (t) => {
  const server = net.createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const body = JSON.stringify({ result: 'x'.repeat(32 * 1024 ** 2) });
  const reason = why(t, await call(t, `http://127.0.0.1:${port}/`, { timeMs: 400, body }), 'later');
  t.is(reason, 'no answer within 400 ms');
});

test('a receiver that closes at once may be better later', async (t) => {
  const receiver = await receive(t, (response) => response.destroy());
  t.regex(why(t, await call(t, receiver.at), 'later'), /^no answer \(/);
});

test('a receiver that is not there may be there later', async (t) => {
  t.is(why(t, await call(t, 'http://127.0.0.1:1/secret?secret'), 'later'), 'no answer (ECONNREFUSED)');
});

test('an answer that is no HTTP is no answer', async (t) => {
  const receiver = await receive(t, (response) => response.socket?.end('220 mail.example ESMTP\r\n'));
  t.regex(why(t, await call(t, receiver.at), 'later'), /^no answer \(HTTPParserError\)$/);
});

test('hostile input 55: a certificate that is not valid is not trusted', async (t) => {
  const pem = readFileSync(path.join(import.meta.dirname, 'fixtures/self-signed.pem'));
  const receiver = await receive(t, undefined, { key: pem, cert: pem });
  const reason = why(t, await call(t, `https://localhost:${receiver.port}/`), 'later');
  t.is(reason, 'no answer (DEPTH_ZERO_SELF_SIGNED_CERT)');
  t.is(receiver.heard.length, 0);
});

test('hostile input 55: a redirect from https to http is not followed', async (t) => {
  const pem = readFileSync(path.join(import.meta.dirname, 'fixtures/self-signed.pem'));
  const plain = await receive(t);
  const receiver = await receive(
    t,
    (response, nth) => (nth === 1 ? response.end() : redirect(`http://localhost:${plain.port}/`)(response)),
    { key: pem, cert: pem },
  );
  const trusting = new Agent({ connect: { ca: pem } });
  const url = `https://localhost:${receiver.port}/`;
  t.is((await call(t, url, {}, { dispatcher: trusting })).kind, 'delivered');
  why(t, await call(t, url, {}, { dispatcher: trusting }), 'refused');
  t.is(plain.connections(), 0);
});

test('a try ends with the signal of the server that stops', async (t) => {
  const stop = new AbortController();
  const receiver = await receive(t, () => stop.abort(new Error('stopping')));
  await t.throwsAsync(call(t, receiver.at, {}, { signal: stop.signal }), { message: 'stopping' });
});
