import test from 'ava';
import { openScene, type Scene, send } from '../server-scene.ts';

const ANYWHERE = [
  '/',
  '/login/',
  '/settings/',
  '/nope/',
  '/thing',
  '/health/live',
  '/metrics',
  '/docs/',
  '/openapi.json',
];

test('every answer tells browsers to be careful, and none asks for https where there is none', async (t) => {
  const scene = await openScene(t);
  for (const at of ANYWHERE) {
    const { headers } = await send(scene.url() + at);
    t.is(headers.get('x-frame-options'), 'DENY', at);
    t.is(headers.get('x-content-type-options'), 'nosniff', at);
    t.is(headers.get('referrer-policy'), 'same-origin', at);
    t.regex(headers.get('content-security-policy') ?? '', /^default-src 'none';.*frame-ancestors 'none'/, at);
    t.notRegex(headers.get('content-security-policy') ?? '', /upgrade-insecure-requests|unsafe-eval|\*/, at);
    t.is(headers.get('strict-transport-security'), null, at);
    t.is(headers.get('x-powered-by'), null, at);
  }
});

test('no page of another site may read anything: there is no CORS', async (t) => {
  const scene = await openScene(t);
  const asking = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
  for (const at of [...ANYWHERE, '/task/task/', '/blob/reference/']) {
    for (const method of ['GET', 'OPTIONS', 'POST', 'HEAD']) {
      const { headers } = await fetch(scene.url() + at, { method, headers: asking, redirect: 'manual' });
      const granted = [...headers.keys()].filter((name) => name.startsWith('access-control-'));
      t.deepEqual(granted, [], `${method} ${at}`);
    }
  }
});

test('what answers health and metrics needs no last slash, everything else does', async (t) => {
  const { url } = await openScene(t);
  for (const at of ['/health/live', '/health/live/', '/health/ready', '/health/ready/', '/metrics', '/metrics/']) {
    t.is((await send(url() + at)).status, 200, at);
  }
  t.is((await send(`${url()}/settings`)).status, 301);
});

test('the redirect to the slash keeps a prefix that a proxy took away', async (t) => {
  const { url } = await openScene(t);
  const { headers } = await send(`${url()}/task/task/0123?x=1`);
  const location = headers.get('location') ?? '';
  t.is(new URL(location, 'https://host/kolejka/task/task/0123?x=1').href, 'https://host/kolejka/task/task/0123/?x=1');
});

const nameOf = async ({ url }: Scene, headers: Record<string, string> = {}) =>
  (await send(`${url()}/health/live`, { headers })).headers.get('x-request-id') ?? '';

test('a request is named by a trusted proxy, when the name is well formed, and by nobody else', async (t) => {
  const [alone, behind] = [await openScene(t), await openScene(t, { settings: { trusted_proxies: ['127.0.0.0/8'] } })];
  const own = /^[0-9a-f]{8}-/;
  t.regex(await nameOf(alone, { 'x-request-id': 'proxy-1' }), own);
  t.is(await nameOf(behind, { 'x-request-id': 'proxy-1' }), 'proxy-1');
  for (const name of ['', 'a b', 'x'.repeat(129), '{"a":1}', '<b>', 'a\tb']) {
    t.regex(await nameOf(behind, { 'x-request-id': name }), own, name);
  }
});

const cookiesOf = async (scene: Scene, headers: Record<string, string>) =>
  (await send(`${scene.url()}/login/`, { headers })).headers;

test('behind TLS of a trusted proxy cookies are Secure and https is to be kept; others are not believed', async (t) => {
  const [alone, behind] = [await openScene(t), await openScene(t, { settings: { trusted_proxies: ['127.0.0.1'] } })];
  const https = { 'x-forwarded-proto': 'https' };
  const secured = await cookiesOf(behind, https);
  t.regex(secured.getSetCookie()[0] ?? '', /; Secure/);
  t.regex(secured.get('strict-transport-security') ?? '', /^max-age=\d+$/);
  for (const [scene, sent] of [
    [alone, https],
    [behind, {}],
    [behind, { 'x-forwarded-proto': 'http' }],
  ] as const) {
    const plain = await cookiesOf(scene, sent);
    t.notRegex(plain.getSetCookie()[0] ?? '', /Secure/);
    t.is(plain.get('strict-transport-security'), null);
  }
});

const csrf = 'a'.repeat(64);
const SENDERS = [
  ['a program', {}, true],
  ['a page of ours', { 'sec-fetch-site': 'same-origin', origin: 'https://elsewhere.example' }, true],
  ['somebody at the address bar', { 'sec-fetch-site': 'none' }, true],
  ['a page of another site', { 'sec-fetch-site': 'cross-site' }, false],
  ['a page of a sibling site', { 'sec-fetch-site': 'same-site' }, false],
  ['a page of another site in an old browser', { origin: 'https://evil.example' }, false],
  ['a page without an origin', { origin: 'null' }, false],
] as const;
for (const [who, headers, may] of SENDERS) {
  test(`${who} ${may ? 'may' : 'may not'} change something with a session`, async (t) => {
    const { url } = await openScene(t);
    const proof = { cookie: `csrftoken=${csrf}`, 'x-csrftoken': csrf };
    const { status, json } = await send(`${url()}/logout/`, { method: 'POST', headers: { ...proof, ...headers } });
    t.is(status, may ? 200 : 403);
    t.is(json['code'], may ? undefined : 'csrf-missing');
  });
}

test('a page of ours in an old browser may change something, also behind a trusted proxy with another name', async (t) => {
  const { url } = await openScene(t, { settings: { trusted_proxies: ['127.0.0.1'] } });
  const proof = { cookie: `csrftoken=${csrf}`, 'x-csrftoken': csrf };
  const post = async (headers: Record<string, string>) =>
    (await send(`${url()}/logout/`, { method: 'POST', headers: { ...proof, ...headers } })).status;
  t.is(await post({ origin: url() }), 200);
  t.is(await post({ origin: 'https://grid.example', 'x-forwarded-host': 'grid.example' }), 200);
  t.is(await post({ origin: 'https://evil.example', 'x-forwarded-host': 'grid.example' }), 403);
});

test('hostile input 60: what a caller wrote comes back as JSON only, and never as a page', async (t) => {
  const scene = await openScene(t);
  const script = '<script>alert(1)</script>';
  const at = encodeURIComponent(script);
  const answers = [
    await send(`${scene.url()}/${at}/`),
    await send(`${scene.url()}/task/task/${at}/`),
    await send(`${scene.url()}/login/`, { json: { username: script, password: script } }),
    await scene.as('client', '/task/task/', { json: { image: script } }),
    await scene.as('client', '/task/task/', {
      json: { [script]: 1, image: 'x', limits: { [script]: 1, cpus: script } },
    }),
    await scene.as('client', '/task/task/', { json: { image: 'x', environment: { A: script }, args: [script] } }),
    await scene.as('client', `/task/result/${at}/`),
  ];
  for (const { headers, text } of answers) {
    t.is(headers.get('content-type'), 'application/json', text);
    t.is(headers.get('x-content-type-options'), 'nosniff');
    t.true(text.startsWith('{'));
  }
  const key = await scene.upload('client', script);
  const file = await scene.as('client', `/blob/reference/${key}/`);
  t.is(file.headers.get('content-type'), 'application/octet-stream');
  t.is(file.headers.get('x-content-type-options'), 'nosniff');
  const redirect = await send(`${scene.url()}/${script}`, { headers: { accept: 'text/html' } });
  t.is(redirect.status, 301);
  t.false(redirect.text.includes('<script>'));
});
