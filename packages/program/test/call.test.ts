import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { GridError } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { callForBytes, callRoute, type Destination, openConnections } from '../src/call.ts';

const ID = '3c75df3c485047cf988ac3f0dfed4262';
const HASH = 'e997afd18e5f6be004fc193aed2c90291e68ab2c7599a62538c935b7fca6ab0f';

interface Heard {
  method: string | undefined;
  url: string | undefined;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A server on a free port and connections to it; both are gone at the end of the test. */
async function serve(t: ExecutionContext, listener: http.RequestListener) {
  const server = http.createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connections = openConnections();
  t.teardown(() => {
    connections.close();
    server.closeAllConnections();
    server.close();
  });
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections };
}

/** A server that answers as the test says, and remembers what it heard. */
async function listen(t: ExecutionContext, answer: (response: http.ServerResponse, nth: number) => void) {
  const heard: Heard[] = [];
  const { address, connections } = await serve(t, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString();
      heard.push({ method: request.method, url: request.url, headers: request.headers, body });
      answer(response, heard.length);
    });
  });
  const to: Destination = { server: `${address}/kolejka/`, headers: () => ({ 'x-of-caller': 'yes' }), connections };
  return { to, heard, address };
}

const json = (response: http.ServerResponse, value: unknown, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

async function refusal(t: ExecutionContext, status: number, body: string, call: 'getTask' | 'getResult' | 'login') {
  const { to } = await listen(t, (response) => response.writeHead(status).end(body));
  const asked = call === 'login' ? callRoute(to, 'login', { form: {} }) : callRoute(to, call, { params: { id: ID } });
  return await t.throwsAsync(asked, { instanceOf: GridError });
}

test('a path prefix, parameters and a query are part of the address', async (t) => {
  const { to, heard } = await listen(t, (response) => json(response, { task: {}, status: 'OK' }));
  await callRoute(to, 'getTask', { params: { id: 'a/../b' } });
  t.is(heard[0]?.url, '/kolejka/task/task/a%2F..%2Fb/');
  await callForBytes(to, 'watchTasks', { query: { task: ID, after: 3 } });
  t.is(heard[1]?.url, `/kolejka/task/events/?task=${ID}&after=3`);
  t.is(heard[0]?.headers['x-of-caller'], 'yes');
});

test('an answer comes without its status and with the fields of its route only', async (t) => {
  const { to } = await listen(t, (response) => json(response, { task: { id: ID, new: 1 }, more: 2, status: 'OK' }));
  t.deepEqual(await callRoute(to, 'getTask', { params: { id: ID } }), { task: { id: ID, new: 1 } });
});

test('an answer that does not fit its route is bad-answer', async (t) => {
  const { to } = await listen(t, (response) => json(response, { task: 5, status: 'OK' }));
  const error = await t.throwsAsync(callRoute(to, 'getTask', { params: { id: ID } }), { instanceOf: GridError });
  t.is(error.code, 'bad-answer');
});

test('something that is no kolejka server is told apart', async (t) => {
  const error = await refusal(t, 200, '<html>It works!</html>', 'getTask');
  t.is(error.code, 'bad-answer');
  t.regex(error.message, /is not a kolejka server/);
});

test('a redirect names where it leads', async (t) => {
  const { to } = await listen(t, (response) => response.writeHead(301, { location: 'https://new.example/' }).end());
  const error = await t.throwsAsync(callRoute(to, 'live'), { instanceOf: GridError });
  t.regex(error.message, /https:\/\/new\.example\//);
});

const REFUSALS: [string, number, string, 'getTask' | 'getResult' | 'login', string][] = [
  [
    'a code',
    400,
    '{"message": "limits.memory: no", "code": "bad-value", "field": "limits.memory"}',
    'getTask',
    'bad-value',
  ],
  ['a code this version does not know', 404, '{"message": "no", "code": "brand-new"}', 'getTask', 'not-found'],
  ['403 without a body', 403, '', 'getTask', 'not-logged-in'],
  ['404 without a body', 404, '', 'getTask', 'not-found'],
  ['500 with HTML', 500, '<h1>Server Error</h1>', 'getTask', 'bad-answer'],
  ['FAIL of a login', 200, '{"status": "FAIL"}', 'login', 'wrong-password'],
  [
    'FAIL with a sentence',
    200,
    '{"message": "Task deadbeef is unknown", "status": "FAIL"}',
    'getResult',
    'task-unknown',
  ],
];

for (const [title, status, body, call, code] of REFUSALS) {
  test(`a refusal with ${title} is ${code}`, async (t) => {
    const error = await refusal(t, status, body, call);
    t.is(error.code, code as GridError['code']);
    if (body.includes('field')) t.is(error.field, 'limits.memory');
  });
}

test('what is safe to repeat is repeated when the connection breaks', async (t) => {
  const { to, heard } = await listen(t, (response, nth) => {
    if (nth < 3) response.destroy();
    else json(response, { task: {}, status: 'OK' });
  });
  await callRoute(to, 'getTask', { params: { id: ID } });
  t.is(heard.length, 3);
});

test('an answer that breaks in the middle is asked for again', async (t) => {
  const { to, heard } = await listen(t, (response, nth) => {
    if (nth === 1) {
      response.writeHead(200, { 'content-length': 1000 }).write('{"task":');
      setImmediate(() => response.destroy());
    } else {
      json(response, { task: {}, status: 'OK' });
    }
  });
  await callRoute(to, 'getTask', { params: { id: ID } });
  t.is(heard.length, 2);
});

test('503 of a proxy is a server that does not answer', async (t) => {
  const { to, heard } = await listen(t, (response, nth) => {
    if (nth === 1) response.writeHead(503).end('<html>');
    else json(response, { task: {}, status: 'OK' });
  });
  await callRoute(to, 'getTask', { params: { id: ID } });
  t.is(heard.length, 2);
});

test('what is not safe to repeat is sent once, unless the caller says so', async (t) => {
  const { to, heard } = await listen(t, (response) => response.destroy());
  const refused = await t.throwsAsync(callRoute(to, 'putTask', { body: {} }), { instanceOf: GridError });
  t.is(refused.code, 'server-unreachable');
  t.is(heard.length, 1);
  await t.throwsAsync(callRoute(to, 'putTask', { body: {}, repeatable: true }));
  t.is(heard.length, 5);
});

test('a server that is not there is named in one sentence', async (t) => {
  const connections = openConnections();
  t.teardown(() => connections.close());
  const { address, to } = await listen(t, () => undefined);
  const nobody = `${address.slice(0, address.lastIndexOf(':'))}:1`;
  const error = await t.throwsAsync(callRoute({ ...to, server: nobody }, 'putTask', { body: {} }), {
    instanceOf: GridError,
  });
  t.is(error.message, 'The server http://127.0.0.1:1 does not answer (ECONNREFUSED).');
  t.is(error.exit, 5);
});

test('a server that does not speak https is told apart', async (t) => {
  const { to, address } = await listen(t, () => undefined);
  const error = await t.throwsAsync(callRoute({ ...to, server: address.replace('http:', 'https:') }, 'putTask'));
  t.regex(error.message, /write http:\/\/ before its address/);
});

test('regression: a token that no header can hold is named, not shown, and tried once', async (t) => {
  const { to, heard } = await listen(t, (response) => json(response, { status: 'OK' }));
  let tries = 0;
  const headers = () => {
    tries += 1;
    return { authorization: 'Bearer hunter2\n' };
  };
  const error = await t.throwsAsync(callRoute({ ...to, headers }, 'live'), { instanceOf: GridError });
  t.deepEqual([error.code, error.field, tries, heard.length], ['bad-config', 'token', 1, 0]);
  t.regex(error.message, /^The token cannot be sent/);
  t.notRegex(`${error.message} ${String(error.cause)}`, /hunter2/);
});

test('a silent server is given up after the patience of the call', async (t) => {
  const { to } = await listen(t, () => undefined);
  const error = await t.throwsAsync(callRoute(to, 'putTask', { body: {}, patienceMs: 300 }), { instanceOf: GridError });
  t.regex(error.message, /ANSWER_TIMEOUT/);
});

test('bytes are sent with their length, and opened anew for each try', async (t) => {
  const reference = {
    key: ID,
    blob: HASH,
    size: 5,
    time_create: '2026-11-22T00:27:16.136Z',
    time_access: '2026-11-22T00:27:16.136Z',
  };
  const { to, heard } = await listen(t, (response, nth) => {
    if (nth === 1) response.destroy();
    else json(response, { reference, status: 'OK' });
  });
  let opened = 0;
  const open = () => {
    opened += 1;
    return Readable.from([Buffer.from('he'), Buffer.from('llo')]);
  };
  const answer = await callRoute(to, 'putReference', { bytes: { open, size: 5 } });
  t.is(answer.reference.blob, HASH as typeof answer.reference.blob);
  t.is(opened, 2);
  t.deepEqual([heard[1]?.body, heard[1]?.headers['content-length']], ['hello', '5']);
});

test('an error of the bytes themselves is thrown as it is and not repeated', async (t) => {
  const { to } = await listen(t, (response) => json(response, {}));
  let opened = 0;
  const open = () => {
    opened += 1;
    return Readable.from(
      (async function* () {
        yield Buffer.from('he');
        throw new GridError('no-file', 'gone');
      })(),
    );
  };
  const error = await t.throwsAsync(callRoute(to, 'putReference', { bytes: { open, size: 5 } }));
  t.is(error.message, 'gone');
  t.is(opened, 1);
});

test('bytes come with the size and the hash the server says', async (t) => {
  const { to } = await listen(t, (response) =>
    response.writeHead(200, { etag: `"${HASH}"`, 'content-length': 5 }).end('hello'),
  );
  const { body, size, etag } = await callForBytes(to, 'getReference', { params: { key: ID } });
  t.deepEqual([(await buffer(body)).toString(), size, etag], ['hello', 5, HASH]);
});

test('a call that is aborted ends at once', async (t) => {
  const { to, heard } = await listen(t, () => undefined);
  const stop = new AbortController();
  const call = callRoute(to, 'getTask', { params: { id: ID }, signal: stop.signal });
  setTimeout(() => stop.abort(), 100);
  await t.throwsAsync(call, { name: 'AbortError' });
  t.true(heard.length <= 1);
});

test('a server that is busy is asked again, when that is harmless', async (t) => {
  const { to, heard } = await listen(t, (response, nth) =>
    nth === 1
      ? json(response, { message: 'busy', code: 'busy', status: 'FAIL' }, 503)
      : json(response, { task: {}, status: 'OK' }),
  );
  await t.notThrowsAsync(callRoute(to, 'getTask', { params: { id: ID } }));
  t.is(heard.length, 2);
  const { to: other, heard: heardOnce } = await listen(t, (response) =>
    json(response, { message: 'busy', code: 'busy', status: 'FAIL' }, 503),
  );
  await t.throwsAsync(callRoute(other, 'putTask', { body: {} }), { code: 'busy' });
  t.is(heardOnce.length, 1);
});

test('what has come and is read late is no silence of the server', async (t) => {
  const whole = Buffer.alloc(1024 * 1024, 'x');
  const { to } = await listen(t, (response) => response.writeHead(200, { 'content-length': whole.length }).end(whole));
  const { body } = await callForBytes(to, 'getReference', { params: { key: ID }, patienceMs: 500 });
  let size = 0;
  let waited = false;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Several times the patience, once.
    if (!waited) await new Promise((resolve) => setTimeout(resolve, 2000));
    waited = true;
  }
  t.is(size, whole.length);
});

test('a server that falls silent after what was read late is given up all the same', async (t) => {
  const part = Buffer.alloc(1024 * 1024, 'x');
  const { to } = await listen(
    t,
    (response) => void response.writeHead(200, { 'content-length': part.length + 1 }).write(part),
  );
  const { body } = await callForBytes(to, 'getReference', { params: { key: ID }, patienceMs: 500 });
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await t.throwsAsync(buffer(body), { code: 'ANSWER_TIMEOUT' });
});

test('a server that falls silent inside its answer is given up', async (t) => {
  const { to } = await listen(t, (response) => void response.writeHead(200, { 'content-length': 10 }).write('he'));
  const { body } = await callForBytes(to, 'getReference', { params: { key: ID }, patienceMs: 200 });
  await t.throwsAsync(buffer(body), { code: 'ANSWER_TIMEOUT' });
});

test('a signal ends an answer that still comes, with its reason', async (t) => {
  const { to } = await listen(t, (response) => void response.writeHead(200, { 'content-length': 10 }).write('he'));
  const stop = new AbortController();
  const { body } = await callForBytes(to, 'getReference', { params: { key: ID }, signal: stop.signal });
  const read = buffer(body);
  stop.abort(new Error('not wanted any more'));
  await t.throwsAsync(read, { message: 'not wanted any more' });
});

test('what a server answers before it has heard all of the bytes is what it says', async (t) => {
  const { address, connections } = await serve(t, (_request, response) => {
    // The body stays unread.
    json(response, { message: 'no', code: 'too-large', status: 'FAIL' }, 413);
  });
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      yield Buffer.alloc(64 * 1024);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const bytes = { open: () => Readable.from(endless()), size: 1024 ** 4 };
  const call = callRoute({ server: address, headers: () => ({}), connections }, 'putReference', { bytes });
  await t.throwsAsync(call, { code: 'too-large' });
});

test('a connection is used again, also by calls to another path', async (t) => {
  const ports = new Set<number | undefined>();
  const { to } = await listen(t, (response) => {
    ports.add(response.socket?.remotePort);
    json(response, { task: {}, status: 'OK' });
  });
  for (let call = 0; call < 5; call += 1) await callRoute(to, 'getTask', { params: { id: `${call}` } });
  t.is(ports.size, 1);
});
