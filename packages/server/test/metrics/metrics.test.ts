import test from 'ava';
import { openScene, type Scene, send } from '../server-scene.ts';
import { until } from '../until.ts';

/** The samples of the page: `name{label="value"}` to number. */
async function read({ url }: Scene): Promise<Map<string, number>> {
  const { text, status, headers } = await send(`${url()}/metrics`);
  if (status !== 200) throw new Error(`${status}: ${text}`);
  if (headers.get('content-type') !== 'text/plain; version=0.0.4; charset=utf-8') throw new Error('wrong type');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('tasks, classes and foremen are counted as they are', async (t) => {
  const scene = await openScene(t);
  await scene.put('client');
  await scene.put('client');
  await scene.put('client', { requires: ['gpu'] });
  await scene.take('foreman', 'node1');
  const waiting = scene.as('foreman', '/queue/dequeue/', {
    json: { foreman: 'node2', tags: ['tpu'], limits: { cpus: 0 }, wait: 60 },
  });
  await t.notThrowsAsync(
    until(async () => (await read(scene)).get('kolejka_requests_in_flight{route="dequeue"}') === 1),
  );
  const numbers = await read(scene);
  t.is(numbers.get('kolejka_tasks{state="pending"}'), 2);
  t.is(numbers.get('kolejka_tasks{state="assigned"}'), 1);
  t.is(numbers.get('kolejka_tasks{state="failed"}'), 0);
  t.is(numbers.get('kolejka_ready{of="tasks"}'), 2);
  t.is(numbers.get('kolejka_ready{of="classes"}'), 2);
  t.is(numbers.get('kolejka_messages_total{message="task assigned",level="info"}'), 1);
  t.is(numbers.get('kolejka_messages_total{message="task lost",level="warn"}'), 0);
  t.true((numbers.get('kolejka_commit_writes_count') ?? 0) >= 4);
  t.true(numbers.has('nodejs_eventloop_lag_p99_seconds'));
  await scene.close();
  await waiting.catch(() => undefined);
});

test('requests are counted by the name of their route, whatever their path says', async (t) => {
  const scene = await openScene(t);
  const bytes = 'x'.repeat(100_000);
  const key = await scene.upload('client', bytes);
  await scene.as('client', `/blob/reference/${key}/`, { headers: { 'accept-encoding': 'identity' } });
  await scene.as('client', '/task/task/abc/');
  for (let index = 0; index < 20; index += 1) await send(`${scene.url()}/nothing/${index}/`);
  await until(async () => (await read(scene)).get('kolejka_request_seconds_count{route="none",status="4xx"}') === 20);
  const numbers = await read(scene);
  t.is(numbers.get('kolejka_request_seconds_count{route="putReference",status="2xx"}'), 1);
  t.is(numbers.get('kolejka_request_seconds_count{route="getReference",status="2xx"}'), 1);
  t.is(numbers.get('kolejka_request_seconds_count{route="getTask",status="4xx"}'), 1);
  const received = numbers.get('kolejka_received_bytes_total{route="putReference"}') ?? 0;
  const sent = numbers.get('kolejka_sent_bytes_total{route="getReference"}') ?? 0;
  t.true(received > 100_000 && received < 102_000, String(received));
  t.true(sent > 100_000 && sent < 102_000, String(sent));
  t.is(numbers.get('kolejka_requests_in_flight{route="getReference"}'), 0);
  t.false([...numbers.keys()].some((name) => name.includes('nothing')));
});

test('a wrong password is counted, a right one is not', async (t) => {
  const scene = await openScene(t);
  const csrf = 'a'.repeat(64);
  const headers = { 'x-csrftoken': csrf, cookie: `csrftoken=${csrf}` };
  await send(`${scene.url()}/login/`, { json: { username: 'client', password: 'wrong' }, headers });
  t.is((await read(scene)).get('kolejka_messages_total{message="wrong password",level="warn"}'), 1);
});

for (const [metrics, stranger, user, elsewhere] of [
  ['off', 404, 404, 404],
  ['local', 200, 200, 403],
  ['users', 403, 200, 403],
  ['anyone', 200, 200, 200],
] as const) {
  test(`metrics = ${metrics} answers those it should`, async (t) => {
    const scene = await openScene(t, { settings: { metrics } });
    for (const at of ['/metrics', '/metrics/']) {
      t.is((await send(scene.url() + at)).status, stranger);
      t.is((await scene.as('nobody', at)).status, user);
      // A proxy on this machine that is not trusted.
      for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip']) {
        t.is((await send(scene.url() + at, { headers: { [name]: '127.0.0.1' } })).status, elsewhere);
      }
    }
  });
}

test('behind a trusted proxy, metrics are local only for whom the proxy says is', async (t) => {
  const scene = await openScene(t, { settings: { trusted_proxies: ['127.0.0.1'] } });
  const from = async (address: string) =>
    (await send(`${scene.url()}/metrics`, { headers: { 'x-forwarded-for': address } })).status;
  t.is(await from('10.0.0.1'), 403);
  t.is(await from('127.0.0.1, 10.0.0.1'), 403);
  t.is(await from('::1'), 200);
});
