import test from 'ava';
import { withStore } from '../../src/accounts/place.ts';
import { openScene } from '../server-scene.ts';

test('a task is answered as the original answers it, with an identifier of the server', async (t) => {
  const { as, upload } = await openScene(t);
  const reference = await upload('client', 'hello');
  const { text, json } = await as('client', '/task/task/', {
    json: {
      args: ['sh', './run.sh'],
      id: 'mine',
      image: 'busybox',
      limits: { time: '10s', memory: '64M', cpus: 1 },
      files: { 'run.sh': { path: '/home/me/run.sh', reference } },
      stdout: 'stdout.txt',
      unknown: 1,
    },
  });
  const { id } = json['task'] as { id: string };
  t.regex(id, /^[0-9a-f]{32}$/);
  t.is(
    text,
    JSON.stringify({
      task: {
        id,
        image: 'busybox',
        requires: [],
        limits: { cpus: 1, memory: '67108864b', time: '10.0s' },
        environment: {},
        args: ['sh', './run.sh'],
        stdout: 'stdout.txt',
        files: { 'run.sh': { reference } },
        collect: [],
      },
      status: 'OK',
    }),
  );
  t.is((await as('client', `/task/task/${id}/`)).text, text);
});

test('files must have references that are known, in the words of the original', async (t) => {
  const { as, upload } = await openScene(t);
  const put = async (name: 'client' | 'other', files: unknown) => {
    const { status, json } = await as(name, '/task/task/', { json: { image: 'x', files } });
    return [status, json['message'], json['status']];
  };
  const none = [200, 'File a.txt does not have a reference', 'FAIL'];
  t.deepEqual(await put('client', { 'a.txt': 'a.txt' }), none);
  t.deepEqual(await put('client', { 'a.txt': { path: 'a.txt' } }), none);
  const unknown = [200, 'Reference for file a.txt is unknown', 'FAIL'];
  t.deepEqual(await put('client', { 'a.txt': { reference: '0'.repeat(32) } }), unknown);
  const reference = await upload('client', 'a');
  t.deepEqual((await put('client', { 'a.txt': { reference } }))[2], 'OK');
  // The original takes another client's: whoever hears of a key could read what is behind it.
  t.deepEqual(await put('other', { 'a.txt': { reference } }), unknown);
});

test('bad tasks are refused with the field at fault, and none is put', async (t) => {
  const { as } = await openScene(t);
  const bad: [unknown, string | undefined][] = [
    [{}, 'image'],
    [{ image: 'x', limits: { memory: '10 apples' } }, 'limits.memory'],
    [{ image: 'x', requires: 5 }, 'requires'],
    [{ image: 'x', files: { '../x': 'x' } }, 'files.../x'],
    [[1], undefined],
  ];
  for (const [json, field] of bad) {
    const answer = await as('client', '/task/task/', { json });
    t.is(answer.status, 400);
    t.like(answer.json, { code: 'bad-value', status: 'FAIL', ...(field !== undefined && { field }) });
  }
  for (const body of ['{', '\xff'.repeat(3), '['.repeat(100_000)]) {
    t.is((await as('client', '/task/task/', { body: Buffer.from(body, 'latin1') })).status, 400);
  }
  t.is((await as('client', '/task/task/', { body: 'x'.repeat(1024 ** 2 + 1) })).status, 413);
  t.is((await as('client', '/queue/stats/')).json['task_count'], 0);
});

test('a task is shown to its owner, its foreman and inspectors', async (t) => {
  const { as, put, take } = await openScene(t);
  const at = `/task/task/${await put('client')}/`;
  t.is((await as('foreman', at)).status, 403);
  await take('foreman', 'f');
  for (const name of ['client', 'foreman', 'inspector'] as const) t.is((await as(name, at)).status, 200, name);
  for (const name of ['other', 'second', 'nobody'] as const) t.is((await as(name, at)).status, 403, name);
  t.is((await as('client', `/task/task/${'0'.repeat(32)}/`)).status, 404);
  t.is((await as('foreman', '/task/task/', { json: { image: 'x' } })).status, 403);
});

test('a foreman may read a task when it has ended, too, until another has taken it', async (t) => {
  const { as, put, take } = await openScene(t);
  const id = await put('client');
  const { attempt } = (await take('foreman', 'f')) as { attempt: number };
  t.is((await as('foreman', '/task/result/', { json: { id, attempt, result: 0 } })).status, 200);
  t.is((await as('foreman', `/task/task/${id}/`)).status, 200);
  t.is((await as('second', `/task/task/${id}/`)).status, 403);
});

test('a foreman reads the files of the tasks it has, also when the client gave the reference up', async (t) => {
  const { as, upload, put, take, place } = await openScene(t);
  const reference = await upload('client', 'hello');
  await put('client', { files: { a: { reference } } });
  await withStore(place, (store) => store.write((db) => db.run('update blob_references set deleted_ms = 1')));
  const at = `/blob/reference/${reference}/`;
  t.is((await as('foreman', at)).status, 404);
  await take('foreman', 'f');
  t.is((await as('foreman', at)).text, 'hello');
  t.is((await as('second', at)).status, 404);
});

test('a request that is repeated with its Idempotency-Key makes one task, and is said once', async (t) => {
  let put = 0;
  const { as } = await openScene(t, { said: (line) => void (put += Number(line === 'task put')) });
  const headers = { 'idempotency-key': 'abc' };
  const send = (image: string, name: 'client' | 'other' = 'client') =>
    as(name, '/task/task/', { headers, json: { image } });
  const answers = await Promise.all([send('x'), send('x'), send('x')]);
  t.is(new Set(answers.map(({ text }) => text)).size, 1);
  t.is((await send('y')).status, 409);
  t.not((await send('x', 'other')).text, answers[0].text);
  t.is((await as('client', '/queue/stats/')).json['task_count'], 2);
  t.is(put, 2);
  const bad = await as('client', '/task/task/', { headers: { 'idempotency-key': 'a b' }, json: { image: 'x' } });
  t.is(bad.status, 400);
});
