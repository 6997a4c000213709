import { once } from 'node:events';
import http from 'node:http';
import { inspect } from 'node:util';
import test from 'ava';
import { openScene, PASSWORDS, send } from '../server-scene.ts';

interface Line {
  message: string;
  fields: Record<string, unknown>;
}

async function openHeard(...[t, options = {}]: Parameters<typeof openScene>) {
  const lines: Line[] = [];
  const said = (message: string, fields: Record<string, unknown> = {}) => void lines.push({ message, fields });
  const scene = await openScene(t, { ...options, said });
  const of = (message: string) => lines.filter((line) => line.message === message).map(({ fields }) => fields);
  return { scene, lines, of };
}

test('a request is one line with its name, route, status and user', async (t) => {
  const { scene, of } = await openHeard(t);
  const { headers } = await scene.as('client', '/settings/');
  await send(`${scene.url()}/nothing/?secret=1`);
  await scene.close();
  const [first, second] = of('request');
  t.like(first, {
    request: headers.get('x-request-id'),
    route: 'settings',
    method: 'GET',
    status: 200,
    user: 'client',
  });
  t.like(first, { address: '127.0.0.1' });
  t.true(Number.isInteger(first?.['ms']));
  t.like(second, { route: undefined, status: 404, user: undefined, code: 'no-route' });
  t.is(of('request').length, 2);
});

test('a long poll is not slow, whatever it waits for', async (t) => {
  const { scene, of } = await openHeard(t);
  await scene.as('foreman', '/queue/dequeue/', { json: { foreman: 'node1', wait: 1.1 } });
  await scene.close();
  t.like(of('request')[0], { route: 'dequeue', status: 200 });
  t.deepEqual(of('slow request'), []);
});

test('a slow request is said at level info', async (t) => {
  const { scene, of } = await openHeard(t);
  const request = http.request(`${scene.url()}/task/task/`, { method: 'POST', headers: scene.authorization('client') });
  request.write('{"image":', () => setTimeout(() => request.end('"x"}'), 1200));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  await response.toArray();
  await scene.close();
  t.like(of('slow request')[0], { route: 'putTask', status: 200, user: 'client' });
});

test('no token, password, cookie, key or query comes into the log, whatever is wrong with the request', async (t) => {
  const { scene, lines } = await openHeard(t);
  const secret = 'S3cr3t';
  const csrf = secret.padEnd(64, 'x');
  const session = secret.toLowerCase().padEnd(32, 'x');
  const proof = { 'x-csrftoken': csrf, cookie: `csrftoken=${csrf}; sessionid=${session}` };
  const login = (username: string, password: string, headers: Record<string, string> = proof) =>
    send(`${scene.url()}/login/`, {
      body: new URLSearchParams({ username, password }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
  await login('client', PASSWORDS.client);
  await login('client', `${secret}-password`);
  await login(`${secret}-in-the-wrong-field`, 'x');
  await login('client', `${secret}-password`, {});
  await login('client', secret.repeat(500));
  await send(`${scene.url()}/login/`, { body: `{"username":"client","password":"${secret}`, headers: proof });
  await send(`${scene.url()}/login/`, { json: { username: 'client', password: [secret] }, headers: proof });
  await send(`${scene.url()}/settings/?token=${secret}`, { headers: { authorization: `Bearer ${secret}` } });
  await send(`${scene.url()}/settings/`, { headers: { authorization: `Basic ${secret}`, 'x-request-id': secret } });
  await scene.as('client', '/task/task/', {
    json: { image: 'x', environment: { PASSWORD: secret } },
    headers: { 'idempotency-key': secret },
  });
  await scene.as('client', '/task/task/', { json: { image: 'y' }, headers: { 'idempotency-key': secret } });
  await scene.as('client', '/task/task/', { json: { image: 'y' }, headers: { 'idempotency-key': `${secret} \u00e9` } });
  await scene.close();
  const log = JSON.stringify(lines, (_key, value: unknown) =>
    value instanceof Error ? inspect(value) : value,
  ).toLowerCase();
  t.true(lines.length >= 12);
  t.regex(log, /wrong password.*logged in|logged in.*wrong password/);
  const tokens = (['client', 'nobody'] as const).map((name) => scene.authorization(name).authorization.slice(7));
  for (const hidden of [secret, PASSWORDS.client, ...tokens]) t.false(log.includes(hidden.toLowerCase()), hidden);
});
