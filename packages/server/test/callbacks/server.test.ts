import test from 'ava';
import { addUser, createToken } from '../../src/accounts.ts';
import { runServer, temporary } from '../program.ts';
import { openScene, send } from '../server-scene.ts';
import { until } from '../until.ts';
import { receive } from './receiver.ts';

// For the server that is killed: what it took comes due again after twice this.
process.env['KOLEJKA_SERVER_CALLBACK_TIME'] = '500ms';

interface Line {
  number: number;
  event: string;
  message: string | null;
}

/** Events in a stream that has ended. */
function readEvents(text: string): Line[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as Line);
}

test('a client that put a task with callback_url is told its result', async (t) => {
  const scene = await openScene(t);
  const receiver = await receive(t);
  const id = await scene.put('client', { callback_url: `${receiver.at}/done` });
  const taken = await scene.take('foreman');
  t.is(taken?.task, id);
  const { json } = await scene.as('foreman', '/task/result/', { json: { id, result: 3 } });
  const stream = `/task/events/?task=${id}`;
  const upToEnd = readEvents((await scene.as('client', stream)).text);
  t.is(upToEnd.findLast(({ event }) => event === 'resolved')?.event, 'resolved');

  await until(() => receiver.heard[0]);
  const { task } = (await scene.as('client', `/task/task/${id}/`)).json;
  t.deepEqual(JSON.parse(receiver.heard[0]?.body ?? ''), { task, result: json['result'] });
  t.is(receiver.heard[0]?.headers['user-agent'], 'kolejka-server');

  // Who goes on after the final event hears of the callback, and the stream ends at once.
  const last = upToEnd.find(({ event }) => event === 'resolved')?.number ?? 0;
  let after: Line[] = [];
  while (after.length === 0) after = readEvents((await scene.as('client', `${stream}&after=${last}`)).text);
  t.like(after, [{ event: 'called-back', message: `${receiver.at}/done: answered 200 (try 1)` }]);
  t.is(after.length, 1);
});

const REFUSED = ['file:///etc/passwd', 'http://169.254.169.254/latest/meta-data/', 'gopher://localhost/', 'nonsense'];

for (const url of REFUSED) {
  test(`hostile input 55: a task that wants to be called at ${url} is refused and not stored`, async (t) => {
    const scene = await openScene(t);
    const { status, json } = await scene.as('client', '/task/task/', { json: { image: 'x', callback_url: url } });
    t.is(status, 400);
    t.like(json, { status: 'FAIL', code: 'bad-value', field: 'callback_url' });
    t.is(await scene.take('foreman'), undefined);
  });
}

test('a receiver is told though the server was killed as soon as the result was acknowledged', async (t) => {
  const data = await temporary(t);
  await addUser({ data }, { name: 'kim', password: 'x', email: '', groups: ['clients', 'processors'] });
  const headers = { authorization: `Bearer ${await createToken({ data }, { name: 'kim' })}` };
  // It hears the call of the first server, if that gets so far, and never answers it.
  const receiver = await receive(t, (response) => alive && response.end());
  let alive = false;
  const first = await runServer(t, data);
  const post = async (at: string, json: unknown) => (await send(first.url + at, { headers, json })).json;
  const { task } = await post('/task/task/', { image: 'x', callback_url: receiver.at });
  const { id } = task as { id: string };
  await post('/queue/dequeue/', {});
  t.is((await post('/task/result/', { id, result: 0 }))['status'], 'OK');
  t.is(await first.end('SIGKILL'), null);
  const before = receiver.heard.length;
  alive = true;

  await runServer(t, data);
  const heard = await until(() => receiver.heard[before]);
  t.like(JSON.parse(heard.body), { task: { id }, result: { id, result: 0 } });
});
