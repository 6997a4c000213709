import test from 'ava';
import { setQuotas } from '../../src/accounts/users.ts';
import { run } from '../program.ts';
import { openScene } from '../server-scene.ts';

test('hostile input 58: a user who has as many tasks waiting as the quota says puts no more; others do', async (t) => {
  const { as, put, take } = await openScene(t, { settings: { quota_pending: 3 } });
  const json = { image: 'busybox' };
  // At once, as a script would.
  const answers = await Promise.all(Array.from({ length: 20 }, () => as('client', '/task/task/', { json })));
  t.is(answers.filter(({ status }) => status === 200).length, 3);
  const refused = answers.find(({ status }) => status !== 200);
  t.deepEqual([refused?.status, refused?.json['code']], [429, 'quota-reached']);
  t.regex(refused?.headers.get('retry-after') ?? '', /^\d+$/);
  await put('other');
  t.is((await as('client', '/queue/stats/')).json['task_count'], 4);
  // A task that runs does not wait.
  t.truthy(await take('foreman', 'f'));
  t.truthy(await take('foreman', 'f'));
  t.is((await as('client', '/task/task/', { json })).status, 200);
});

test('a request that is repeated is answered though the quota is reached by now', async (t) => {
  const { as } = await openScene(t, { settings: { quota_pending: 1 } });
  const sent = { headers: { 'idempotency-key': 'k' }, json: { image: 'busybox' } };
  const first = await as('client', '/task/task/', sent);
  t.deepEqual((await as('client', '/task/task/', sent)).text, first.text);
  t.is((await as('client', '/task/task/', { json: sent.json })).status, 429);
});

test('a user may have a quota of their own', async (t) => {
  const { data, as, put } = await openScene(t);
  await setQuotas({ data }, 'client', { quota_pending: 1 });
  await put('client');
  t.is((await as('client', '/task/task/', { json: { image: 'x' } })).status, 429);
  t.is((await run('user', 'quota', 'client', '--pending', 'usual', '--data', data)).exit, 0);
  t.is((await as('client', '/task/task/', { json: { image: 'x' } })).status, 200);
  t.is((await run('user', 'quota', 'client', '--data', data)).exit, 2);
});
