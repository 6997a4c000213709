import { LEASES } from '@kolejka/protocol';
import test from 'ava';
import { heldClock, serveUntil } from '../queue-scene.ts';
import { openScene, type Scene } from '../server-scene.ts';

const result = (id: string, more: Record<string, unknown> = {}) => ({ json: { id, result: 0, ...more } });

async function heartbeat({ as }: Scene, foreman: string, task: string, attempt: number) {
  const { json } = await as('foreman', '/queue/heartbeat/', { json: { foreman, tasks: [{ task, attempt }] } });
  return (json['tasks'] as { verdict: string }[])[0]?.verdict;
}

test('a result is stored, printed as the original prints it, and read by its owner', async (t) => {
  const { as, put, take, upload } = await openScene(t);
  const id = await put('client');
  t.is((await as('client', `/task/result/${id}/`)).status, 404);
  await take('foreman', 'f');
  const reference = await upload('foreman', 'out');
  const { text } = await as('foreman', '/task/result/', {
    json: {
      id,
      attempt: 1,
      tags: ['a'],
      limits: { memory: '64M' },
      stats: { time: '0.5s', memory: { max_usage: '1M' } },
      result: 0,
      reason: 'exit',
      stdout: 'stdout.txt',
      files: { 'stdout.txt': { path: 'x', reference } },
    },
  });
  t.is(
    text,
    JSON.stringify({
      result: {
        id,
        tags: ['a'],
        limits: { memory: '67108864b' },
        stats: { cpu: {}, cpus: {}, memory: { max_usage: '1048576b' }, pids: {}, perf: {}, time: '0.5s', gpus: {} },
        result: 0,
        stdout: 'stdout.txt',
        reason: 'exit',
        files: { 'stdout.txt': { reference } },
      },
      status: 'OK',
    }),
  );
  const at = `/task/result/${id}/`;
  t.is((await as('client', at)).text, text);
  t.is((await as('inspector', at)).text, text);
  for (const name of ['other', 'foreman'] as const) t.is((await as(name, at)).status, 403, name);
  t.is((await as('client', `/blob/reference/${reference}/`)).text, 'out');
});

test('hostile input 56: the same result again is answered alike, another one is refused', async (t) => {
  const { as, put, take } = await openScene(t);
  const id = await put('client');
  await take('foreman', 'f');
  const first = await as('foreman', '/task/result/', result(id, { attempt: 1 }));
  const again = await as('foreman', '/task/result/', result(id, { attempt: 1 }));
  t.deepEqual([again.status, again.text], [200, first.text]);
  const different = await as('foreman', '/task/result/', result(id, { attempt: 1, result: 1 }));
  t.deepEqual([different.status, different.json['code']], [409, 'already-resolved']);
  t.is((await as('second', '/task/result/', result(id))).status, 403);
});

test('only the foreman that has the task may hand in its result', async (t) => {
  const { as, put, take } = await openScene(t);
  const id = await put('client');
  t.is((await as('foreman', '/task/result/', result(id))).status, 403);
  await take('foreman', 'f');
  t.is((await as('client', '/task/result/', result(id, { attempt: 1 }))).status, 403);
  t.is((await as('second', '/task/result/', result(id, { attempt: 1 }))).status, 403);
  t.is((await as('foreman', '/task/result/', result('0'.repeat(32)))).status, 403);
  t.is((await as('foreman', '/task/result/', { json: { result: 0 } })).status, 403);
  t.is((await as('foreman', '/task/result/', result(id, { attempt: 2 }))).status, 403);
  t.is((await as('foreman', '/task/result/', result(id))).json['code'], 'stale-lease');
  t.is((await as('foreman', '/task/result/', result(id, { attempt: 1 }))).status, 200);
});

test('files of a result must be references of the foreman, in the words of the original', async (t) => {
  const { as, put, take, upload } = await openScene(t);
  const id = await put('client');
  await take('foreman');
  const hand = async (files: unknown) => {
    const { status, json } = await as('foreman', '/task/result/', result(id, { files }));
    return [status, json['message'], json['status']];
  };
  t.deepEqual(await hand({ a: {} }), [200, 'File a does not have a reference', 'FAIL']);
  t.deepEqual(await hand({ a: { reference: '0'.repeat(32) } }), [200, 'Reference for file a is unknown', 'FAIL']);
  const reference = await upload('client', 'x');
  const message = 'Reference for file a belongs to a different user';
  t.deepEqual(await hand({ a: { reference } }), [200, message, 'FAIL']);
  t.is((await as('client', `/task/result/${id}/`)).status, 404);
});

test('a foreman that lost its lease is refused once another has the task, before that its result is accepted', async (t) => {
  const clock = heldClock();
  const scene = await openScene(t, { clock });
  const { as, put, take } = scene;
  const late = await put('client');
  const overtaken = await put('client');
  t.deepEqual(await take('foreman', 'one'), { task: late, attempt: 1 });
  t.deepEqual(await take('foreman', 'one'), { task: overtaken, attempt: 1 });
  await serveUntil(clock, 'the loss of both leases', async () => {
    return (await as('client', '/queue/stats/')).json['task_unassigned_count'] === 2;
  });
  t.is(await heartbeat(scene, 'one', late, 1), 'kill');
  t.is((await as('foreman', '/task/result/', result(late, { attempt: 1 }))).status, 200);
  let again: unknown;
  await serveUntil(clock, 'the task', async () => (again = await take('foreman', 'other')) !== undefined);
  t.deepEqual(again, { task: overtaken, attempt: 2 });
  const refused = await as('foreman', '/task/result/', result(overtaken, { attempt: 1 }));
  t.deepEqual([refused.status, refused.json['code']], [409, 'stale-lease']);
  t.is((await as('foreman', '/task/result/', result(overtaken, { attempt: 2 }))).status, 200);
});

test('a task that was given up tells its owner why, with 200 and FAIL', async (t) => {
  const clock = heldClock();
  const { as, put, take } = await openScene(t, { clock });
  const id = await put('client');
  for (let losses = 1; losses <= LEASES.losses; losses += 1) {
    await serveUntil(clock, 'the task', async () => (await take('foreman', `f${losses}`)) !== undefined);
    await serveUntil(clock, 'the loss of the lease', async () => {
      return (await as('client', '/queue/stats/')).json['task_assigned_count'] === 0;
    });
  }
  const { status, json } = await as('client', `/task/result/${id}/`);
  t.is(status, 200);
  t.like(json, { code: 'task-failed', status: 'FAIL' });
  t.regex(String(json['message']), /foreman f1.*foreman f2.*foreman f3/);
  t.is((await as('foreman', '/task/result/', result(id, { attempt: 3 }))).json['code'], 'stale-lease');
});

test('the result of a task that nobody knows is 200 and FAIL', async (t) => {
  const { as } = await openScene(t);
  const { status, json } = await as('client', '/task/result/deadbeef/');
  t.is(status, 200);
  t.like(json, { message: 'Task deadbeef is unknown', status: 'FAIL' });
});

test('a result is deleted by the owner of its task or a manager; the task is not run again', async (t) => {
  const { as, put, take, upload } = await openScene(t);
  const [id, other] = [await put('client'), await put('client')];
  for (const task of [id, other]) {
    await take('foreman', 'f');
    const files = { out: { reference: await upload('foreman', task) } };
    await as('foreman', '/task/result/', result(task, { attempt: 1, files }));
  }
  const at = `/task/result/${id}/`;
  const remove = { method: 'DELETE' };
  for (const name of ['other', 'foreman', 'inspector'] as const) t.is((await as(name, at, remove)).status, 403, name);
  t.is((await as('client', at, remove)).text, '{"deleted":true,"status":"OK"}');
  t.is((await as('client', at, remove)).status, 404);
  t.is((await as('client', at)).status, 404);
  t.is((await as('manager', `/task/result/${other}/`, remove)).status, 200);
  t.is(await take('foreman', 'f'), undefined);
  t.is((await as('foreman', '/task/result/', result(id, { attempt: 1 }))).json['code'], 'stale-lease');
  t.is((await as('client', `/task/state/${id}/`)).status, 200);
  const unknown = await as('client', '/task/result/deadbeef/', remove);
  t.like(unknown.json, { message: 'Task deadbeef is unknown', status: 'FAIL' });
});

test('who has task.add_result hands in a result in place of the foreman, once', async (t) => {
  const { as, put, take } = await openScene(t);
  const [id, pending] = [await put('client'), await put('client')];
  await take('foreman', 'f');
  t.is((await as('admin', '/task/result/', result(id, { attempt: 2 }))).status, 403);
  t.is((await as('admin', '/task/result/', result(id))).status, 200);
  t.is((await as('foreman', '/task/result/', result(id, { attempt: 1 }))).status, 403);
  t.is((await as('admin', '/task/result/', result(pending))).status, 200);
  t.is((await as('client', `/task/result/${pending}/`)).status, 200);
});
