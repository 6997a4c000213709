import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GridError, type Permission, type Route } from '@kolejka/protocol';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import express from 'express';
import { z } from 'zod';
import {
  type Caller,
  drainer,
  type Handler,
  heedExpectations,
  mountRoutes,
  type Passage,
  type ServeOptions,
} from '../src/serve.ts';

const ROUTES = {
  show: {
    method: 'GET',
    path: '/thing/:id/',
    may: 'anyone',
    params: z.object({ id: z.string().regex(/^\d+$/, 'Expected a number') }),
    query: z.object({ more: z.string().default('no') }),
    answer: z.object({ id: z.string(), more: z.string() }),
    repeatable: true,
    errors: [],
    about: '',
  },
  list: {
    method: 'GET',
    path: '/thing/list/',
    may: 'user',
    answer: z.object({ things: z.array(z.string()) }),
    repeatable: true,
    errors: [],
    about: '',
  },
  put: {
    method: 'POST',
    path: '/thing/',
    may: 'task.add_task',
    body: z.object({ name: z.string() }),
    answer: z.object({ name: z.string() }),
    repeatable: false,
    errors: [],
    about: '',
  },
  bytes: {
    method: 'PUT',
    path: '/thing/',
    may: 'task.add_task',
    body: 'bytes',
    answer: z.object({}),
    repeatable: false,
    errors: [],
    about: '',
  },
} as const satisfies Record<string, Route>;

const PERMISSIONS: Record<string, Permission[]> = { putter: ['task.add_task'], reader: [] };

interface Given {
  show: { params: { id: string }; query: { more: string } };
  put: { body: { name: string } };
}

async function open(
  t: ExecutionContext,
  changed: Partial<Record<keyof typeof ROUTES, Handler>> = {},
  options: Partial<ServeOptions<Caller>> = {},
  before: (app: express.Express) => unknown = () => undefined,
) {
  const errors: GridError[] = [];
  const handlers = {
    show: ({ params: { id }, query: { more } }: Given['show']) => ({ id, more }),
    list: () => ({ things: [] }),
    put: ({ body: { name } }: Given['put']) => ({ name }),
    bytes: () => ({}),
    ...changed,
  } as Record<string, Handler>;
  const app = express();
  before(app);
  mountRoutes(app, {
    routes: ROUTES,
    handlers,
    identify: (request) => {
      const name = request.get('x-user');
      return name === undefined ? undefined : { permissions: new Set(PERMISSIONS[name]) };
    },
    largestBody: 100,
    failed: (error) => void errors.push(error),
    ...options,
  });
  const server = http.createServer(app);
  heedExpectations(server);
  const close = drainer(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => close(0));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, errors };
}

async function ask(url: string, sent: RequestInit = {}) {
  const response = await fetch(url, { redirect: 'manual', ...sent });
  const text = await response.text();
  const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, text, json };
}

const putter = { 'x-user': 'putter' };

test('an answer is JSON whose last key is status', async (t) => {
  const { url } = await open(t);
  const { text, headers, status } = await ask(`${url}/thing/7/?more=yes`);
  t.deepEqual([status, text], [200, '{"id":"7","more":"yes","status":"OK"}']);
  t.is(headers.get('content-type'), 'application/json');
});

test('what does not fit the schema is refused with its field', async (t) => {
  const { url } = await open(t);
  const { status, json } = await ask(`${url}/thing/x/`);
  t.is(status, 400);
  t.deepEqual(json, { message: 'id: expected a number', code: 'bad-value', field: 'id', status: 'FAIL' });
});

test('a path without parameters is not taken for a parameter', async (t) => {
  const { url } = await open(t);
  t.is((await ask(`${url}/thing/list/`, { headers: putter })).text, '{"things":[],"status":"OK"}');
});

test('who may not is refused before anything of the body is read', async (t) => {
  const { url } = await open(t);
  t.is((await ask(`${url}/thing/list/`)).json['code'], 'not-logged-in');
  const broken = { method: 'POST', body: '{' };
  t.is((await ask(`${url}/thing/`, broken)).json['code'], 'not-logged-in');
  t.is((await ask(`${url}/thing/`, { ...broken, headers: { 'x-user': 'reader' } })).json['code'], 'not-permitted');
  t.is((await ask(`${url}/thing/`, { ...broken, headers: putter })).json['code'], 'bad-json');
});

test('a JSON body needs no Content-Type, a form has one', async (t) => {
  const { url } = await open(t);
  const post = (body: string | Uint8Array<ArrayBuffer>, type?: string) =>
    ask(`${url}/thing/`, {
      method: 'POST',
      body,
      headers: { ...putter, ...(type !== undefined && { 'content-type': type }) },
    });
  t.is((await post('{"name":"ż"}')).json['name'], 'ż');
  t.is((await post(new TextEncoder().encode('{"name":"ż"}'))).json['name'], 'ż');
  t.is((await post('name=a%20b', 'application/x-www-form-urlencoded')).json['name'], 'a b');
  t.is((await post('{"name":"x"}', 'application/x-www-form-urlencoded')).json['name'], 'x');
  t.is((await post('')).json['field'], 'name');
});

test('bodies that are too large or not UTF-8 are refused', async (t) => {
  const { url } = await open(t);
  const post = (body: string | Uint8Array<ArrayBuffer>) =>
    ask(`${url}/thing/`, { method: 'POST', body, headers: putter });
  t.like((await post(`{"name":"${'x'.repeat(100)}"}`)).json, { code: 'too-large' });
  t.like((await post(new Uint8Array([0x22, 0xff, 0x22]))).json, { code: 'bad-json' });
});

test('unknown paths, methods and missing slashes are answered as the original does', async (t) => {
  const { url } = await open(t);
  const moved = await ask(`${url}/thing/7?more=yes`);
  t.deepEqual([moved.status, moved.headers.get('location')], [301, './7/?more=yes']);
  t.like((await ask(`${url}/nothing/`)).json, { code: 'no-route' });
  const refused = await ask(`${url}/thing/7/`, { method: 'DELETE' });
  t.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD']);
});

test('regression: slashes and letter case count also when something was put on the application before the routes', async (t) => {
  const { url } = await open(t, {}, {}, (app) => app.use((_request, _response, next) => next()));
  t.is((await ask(`${url}/thing/7`)).status, 301);
  t.is((await ask(`${url}/Thing/7/`)).status, 404);
  t.is((await ask(`${url}/thing/7/`)).status, 200);
});

test('a redirect never leads to another host', async (t) => {
  const { url } = await open(t);
  for (const path of ['//evil.example/x', '/a//evil.example', '/javascript:x', '//evil.example']) {
    const location = (await ask(url + path)).headers.get('location') ?? '';
    t.is(new URL(location, url + path).href, `${url}${path}/`);
  }
});

test('regression: a redirect keeps the whole query', async (t) => {
  const { url } = await open(t);
  t.is((await ask(`${url}/thing/7?more=a?b`)).headers.get('location'), './7/?more=a?b');
});

test('regression: a path that cannot be decoded is a wrong value, not a wrong body', async (t) => {
  const { url } = await open(t);
  const { status, json } = await ask(`${url}/thing/%zz/`);
  t.is(status, 400);
  t.like(json, { code: 'bad-value', message: "The path is not well written: Failed to decode param '%zz'." });
});

function breakDown(): never {
  throw new Error('secret path');
}

test('what breaks inside, or does not fit its own schema, is 500 without a word about the inside', async (t) => {
  const { url, errors } = await open(t, { show: breakDown, list: () => ({ things: 'none' }) });
  for (const at of ['/thing/7/', '/thing/list/']) {
    const { status, text } = await ask(url + at, { headers: putter });
    t.is(status, 500);
    t.notRegex(text, /secret|schema/);
  }
  t.deepEqual(
    errors.map(({ code }) => code),
    ['internal', 'internal'],
  );
  t.regex(errors[0]?.message ?? '', /secret path/);
});

test('an error in the middle of an answer breaks the connection instead of looking complete', async (t) => {
  const { url } = await open(t, {
    show: ({ response }) => {
      response.set('content-length', '100').write('half');
      throw new Error('disk');
    },
  });
  await t.throwsAsync(ask(`${url}/thing/7/`));
});

test('a refused upload hears why, and is cut off when it goes on', async (t) => {
  const { url } = await open(t);
  const { port } = new URL(url);
  const socket = net.connect(Number(port), '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk) => (heard += String(chunk)));
  socket.on('error', () => undefined);
  socket.write('PUT /thing/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n');
  const timer = setInterval(() => socket.write(Buffer.alloc(1000)), 20);
  t.teardown(() => clearInterval(timer));
  await closed(socket);
  t.regex(heard, /^HTTP\/1.1 403 .*"code":"not-logged-in"/s);
});

/** Sends the text and then nothing more; answers what is heard until the line is cut. */
async function sayAndWait(url: string, text: string): Promise<string> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk) => (heard += String(chunk)));
  socket.on('error', () => undefined);
  socket.write(text);
  await closed(socket);
  return heard;
}

/** Waits until the line is cut, however that is done. */
function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.on('close', () => resolve()));
}

test('regression: a body that does not come is refused after a while, and the line is cut', async (t) => {
  const { url } = await open(t, {}, { bodyWithinMs: 50 });
  const heard = await sayAndWait(
    url,
    'POST /thing/ HTTP/1.1\r\nHost: x\r\nX-User: putter\r\nContent-Length: 50\r\n\r\n{"na',
  );
  t.regex(heard, /^HTTP\/1.1 400 .*did not come whole within 0.05 s/s);
});

test('regression: no stack trace is answered, even when an error cannot be answered as it should', async (t) => {
  const failed = () => {
    // Express writes the stack to stderr; here it is one line.
    throw Object.assign(new Error('the log is broken'), { stack: 'the log is broken' });
  };
  const { url } = await open(t, {}, { failed });
  const { status, text } = await ask(`${url}/thing/x/`);
  t.is(status, 500);
  t.notRegex(text, /broken|\.ts/);
});

test('more requests in work than may be are refused for the moment, and say after how long to ask again', async (t) => {
  const held = Promise.withResolvers<object>();
  let inWork = 0;
  const list = () => {
    inWork += 1;
    return held.promise;
  };
  const { url } = await open(t, { list }, { mostInWork: 2 });
  const get = () => ask(`${url}/thing/list/`, { headers: putter });
  const under = [get(), get()];
  await until(() => inWork === 2);
  const refused = await get();
  t.like(refused, { status: 503, json: { code: 'busy', status: 'FAIL' } });
  t.is(refused.headers.get('retry-after'), '1');
  held.resolve({ things: [] });
  for (const { status } of await Promise.all(under)) t.is(status, 200);
  t.is((await get()).status, 200);
});

test('regression: callers whose bodies do not come take the place of nobody', async (t) => {
  const { url } = await open(t, {}, { mostInWork: 2 });
  const waiting: net.Socket[] = [];
  t.teardown(() => waiting.forEach((socket) => socket.destroy()));
  for (let count = 0; count < 3; count += 1) {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    waiting.push(socket);
    socket.write(
      'POST /thing/ HTTP/1.1\r\nHost: x\r\nX-User: putter\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n',
    );
    // Its body is waited for.
    await once(socket, 'data');
  }
  t.is((await ask(`${url}/thing/list/`, { headers: putter })).status, 200);
});

test('regression: who asks first is told to send a body when it may be sent, and else sends none', async (t) => {
  const { url } = await open(t);
  const start = 'POST /thing/ HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\nExpect: 100-continue\r\n';
  const refused = await sayAndWait(url, `${start}\r\n`);
  t.regex(refused, /^HTTP\/1.1 403 .*connection: close.*"code":"not-logged-in"/is);

  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.write(`${start}X-User: putter\r\n\r\n`);
  t.is(String((await once(socket, 'data'))[0]), 'HTTP/1.1 100 Continue\r\n\r\n');
  socket.write('{"name":"x"}');
  t.regex(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 200 /);
});

// Alone: what the others allocate would count too.
test.serial(
  'regression: what is answered does not stay in memory until the next whole garbage collection',
  async (t) => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
    const watchers = [{ ended: () => undefined }];
    const { url } = await open(t, {}, { watchers });
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    t.teardown(() => socket.destroy());
    const askOften = async (times: number) => {
      for (let count = 0; count < times; count += 1) {
        socket.write('GET /thing/list/ HTTP/1.1\r\nHost: x\r\nX-User: putter\r\n\r\n');
        await once(socket, 'data');
      }
    };
    await askOften(500);
    collect();
    const before = process.memoryUsage().heapUsed;
    await askOften(1500);
    // Young things that are still held are moved twice, and are old then.
    for (let times = 0; times < 3; times += 1) collect({ type: 'minor' });
    const kept = (process.memoryUsage().heapUsed - before) / 1500;
    t.true(kept < 1500, `${Math.round(kept)} bytes of each request are kept`);
  },
);

test('watchers see every request come and go, also those that fit no route or break off', async (t) => {
  const seen: string[] = [];
  const watchers = [
    {
      began: ({ route }: Passage<Caller>) => void seen.push(`began ${route}`),
      ended: ({ route, user, error, response }: Passage<Caller>) =>
        void seen.push(`ended ${route} ${user !== undefined} ${error?.code} ${response.statusCode}`),
    },
  ];
  const { url } = await open(t, { list: () => new Promise(() => undefined) }, { watchers });
  await ask(`${url}/thing/7/`, { headers: putter });
  await ask(`${url}/thing/x/`);
  await ask(`${url}/nothing/`);
  const broken = new AbortController();
  const under = ask(`${url}/thing/list/`, { headers: putter, signal: broken.signal });
  await until(() => seen.includes('began list'));
  broken.abort();
  await t.throwsAsync(under);
  await until(() => seen.length === 7);
  t.deepEqual(seen, [
    'began show',
    'ended show true undefined 200',
    'began show',
    'ended show false bad-value 400',
    'ended undefined false no-route 404',
    'began list',
    'ended list true undefined 200',
  ]);
});

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`it did not come to be: ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('callers nobody knows may send little, and a form has room for a login only', async (t) => {
  const login = { ...ROUTES.put, path: '/login/', may: 'anyone' } as const;
  const routes = { ...ROUTES, login };
  const { url } = await open(
    t,
    {},
    { routes, handlers: { login: () => ({ name: '' }), put: () => ({ name: '' }) }, largestBody: 100_000 },
  );
  const post = (at: string, body: string, type: string) =>
    ask(url + at, { method: 'POST', body, headers: { ...putter, 'content-type': type } });
  const [json, form] = [JSON.stringify({ name: 'x'.repeat(20_000) }), `name=${'x'.repeat(20_000)}`];
  t.like((await post('/login/', json, 'application/json')).json, { code: 'too-large' });
  t.like((await post('/thing/', json, 'application/json')).json, { status: 'OK' });
  t.like((await post('/thing/', form, 'application/x-www-form-urlencoded')).json, { code: 'too-large' });
});
