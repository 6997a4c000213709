import test from 'ava';
import type { TaskState } from '@kolejka/protocol';
import { withStore } from '../../src/accounts/place.ts';
import { type Name, openScene, type Scene } from '../server-scene.ts';

const remove = { method: 'DELETE' };
const nobodys = '0'.repeat(32);

async function verdictOf({ as }: Scene, task: string, attempt: number): Promise<string | undefined> {
  const { json } = await as('foreman', '/queue/heartbeat/', { json: { foreman: 'f', tasks: [{ task, attempt }] } });
  return (json['tasks'] as { verdict: string }[])[0]?.verdict;
}

async function list({ as }: Scene, name: Name, query = ''): Promise<string[]> {
  const { json } = await as(name, `/task/task/${query}`);
  return (json['tasks'] as TaskState[]).map(({ id }) => id);
}

test('a task is deleted by its owner or a manager, once, in the words of the original', async (t) => {
  const { as, put } = await openScene(t);
  const [mine, kept] = [await put('client'), await put('client')];
  for (const name of ['other', 'foreman', 'inspector', 'nobody'] as const) {
    t.is((await as(name, `/task/task/${mine}/`, remove)).status, 403, name);
  }
  const { status, text } = await as('client', `/task/task/${mine}/`, remove);
  t.deepEqual([status, text], [200, '{"deleted":true,"status":"OK"}']);
  t.is((await as('client', `/task/task/${mine}/`, remove)).status, 404);
  t.is((await as('client', `/task/task/${mine}/`)).status, 404);
  t.is((await as('client', `/task/state/${mine}/`)).status, 404);
  t.like((await as('client', `/task/result/${mine}/`)).json, { message: `Task ${mine} is unknown`, status: 'FAIL' });
  t.is((await as('manager', `/task/task/${kept}/`, remove)).status, 200);
  t.is((await as('client', `/task/task/${nobodys}/`, remove)).status, 404);
  t.like((await as('client', '/queue/stats/')).json, { task_count: 0, task_unassigned_count: 0 });
});

test('hostile input 56: the foreman of a deleted task hears that it shall end it, and its result is 404', async (t) => {
  const scene = await openScene(t);
  const { as, put, take, upload } = scene;
  const id = await put('client');
  const taken = await take('foreman', 'f');
  t.is(await verdictOf(scene, id, taken?.attempt ?? 0), 'keep');
  await as('client', `/task/task/${id}/`, remove);
  t.is(await verdictOf(scene, id, taken?.attempt ?? 0), 'kill');
  const files = { out: { reference: await upload('foreman', 'out') } };
  const answer = await as('foreman', '/task/result/', { json: { id, attempt: 1, result: 0, files } });
  t.like(answer, { status: 404 });
  t.like(answer.json, { code: 'not-found', message: `Task ${id} was deleted.` });
  t.is((await as('foreman', '/task/result/', { json: { id: nobodys, attempt: 1, result: 0 } })).status, 403);
});

test('a task is deleted with everything of it, in every state, and nothing counts it any more', async (t) => {
  const scene = await openScene(t);
  const { as, put, take, upload, place } = scene;
  const files = { a: { reference: await upload('client', 'a') } };
  const ids = [await put('client', { files }), await put('client', { files }), await put('client')];
  await take('foreman', 'f');
  await as('foreman', '/task/result/', { json: { id: ids[0], attempt: 1, result: 0 } });
  await take('foreman', 'f');
  const key = { 'idempotency-key': 'k' };
  const { json } = await as('client', '/task/task/', { headers: key, json: { image: 'x' } });
  ids.push((json['task'] as { id: string }).id);
  for (const id of ids) t.is((await as('client', `/task/task/${id}/`, remove)).status, 200);
  await withStore(place, async (store) => {
    const count = async (table: string) =>
      (await store.read((db) => db.get<{ count: number }>(`select count(*) as count from ${table}`)))?.count;
    for (const table of ['tasks', 'task_files', 'task_bodies', 'results', 'idempotency_keys'])
      t.is(await count(table), 0, table);
    t.is(await count(`events where event <> 'deleted'`), 0);
    t.is(await count('events'), ids.length);
    t.is(await count(`task_counts where count <> 0`), 0);
    t.is(await count('queues where ready <> 0 or head is not null'), 0);
    t.is(await count('shares where cores <> 0 or taken_s <> 0'), 0);
  });
  // The same request again makes another task: what the first one made is gone.
  const again = await as('client', '/task/task/', { headers: key, json: { image: 'x' } });
  t.is(again.status, 200);
  // References are not the task's, and stay.
  t.is((await as('client', `/blob/reference/${files.a.reference}/`)).text, 'a');
});

test('regression: what was given up while a task or result named it goes with that, and counts no more', async (t) => {
  const scene = await openScene(t, { settings: { quota_bytes: 3 } });
  const { as, put, take, upload } = scene;
  const giveUp = (reference: string) => as('client', `/blob/reference/${reference}/`, remove);
  const reference = await upload('client', 'abc');
  const id = await put('client', { files: { a: { reference } } });
  t.is((await giveUp(reference)).status, 200);
  t.is((await as('client', '/blob/reference/', { body: 'def' })).status, 413);
  t.is((await as('client', `/task/task/${id}/`, remove)).status, 200);
  const made = await upload('foreman', 'def');
  const next = await put('client');
  await take('foreman', 'f');
  const files = { b: { reference: made } };
  t.is((await as('foreman', '/task/result/', { json: { id: next, attempt: 1, result: 0, files } })).status, 200);
  t.is((await giveUp(made)).status, 200);
  t.is((await as('client', '/blob/reference/', { body: 'ghi' })).status, 413);
  t.is((await as('client', `/task/result/${next}/`, remove)).status, 200);
  t.is((await as('client', '/blob/reference/', { body: 'ghi' })).status, 200);
});

test('a task that waits is cancelled at once, one that runs is taken from its foreman', async (t) => {
  const scene = await openScene(t);
  const { as, put, take } = scene;
  const [running, waiting] = [await put('client'), await put('client')];
  await take('foreman', 'f');
  const cancel = (name: Name, id: string) => as(name, `/task/cancel/${id}/`, { method: 'POST' });
  t.is((await cancel('other', running)).status, 403);
  t.is((await cancel('inspector', running)).status, 403);
  t.is((await cancel('client', nobodys)).status, 404);
  for (const id of [running, waiting]) {
    t.like((await cancel('client', id)).json['task'], { id, state: 'cancelled', running: false, time_expire: null });
    t.is((await cancel('manager', id)).status, 200);
  }
  t.is(await verdictOf(scene, running, 1), 'kill');
  t.is((await as('foreman', '/task/result/', { json: { id: running, attempt: 1, result: 0 } })).status, 409);
  t.is(await take('foreman', 'f'), undefined);
  const told = (await as('client', `/task/result/${waiting}/`)).json;
  t.like(told, { code: 'task-cancelled', message: `Task ${waiting} was cancelled. cancelled by client` });
});

test('a task that has ended by itself cannot be cancelled', async (t) => {
  const { as, put, take } = await openScene(t);
  const id = await put('client');
  await take('foreman');
  await as('foreman', '/task/result/', { json: { id, result: 0 } });
  const { status, json } = await as('client', `/task/cancel/${id}/`, { method: 'POST' });
  t.deepEqual([status, json['code']], [409, 'already-ended']);
  t.is((await as('client', `/task/result/${id}/`)).status, 200);
});

test('the state of a task tells who has it and since when', async (t) => {
  const { as, put, take } = await openScene(t);
  const id = await put('client', { image: 'gcc', priority: -3 });
  const state = async (name: Name) => (await as(name, `/task/state/${id}/`)).json['task'] as TaskState;
  t.like(await state('client'), {
    id,
    state: 'pending',
    image: 'gcc',
    owner: 'client',
    priority: -3,
    attempt: 0,
    holder: null,
    result: false,
    time_assign: null,
  });
  await take('foreman', 'f');
  for (const name of ['client', 'foreman', 'inspector'] as const) {
    t.like(await state(name), { state: 'assigned', attempt: 1, holder: 'foreman', foreman: 'f' }, name);
  }
  const { time_assign, time_expire } = await state('client');
  t.is(Date.parse(time_expire ?? '') - Date.parse(time_assign ?? ''), 30_000);
  await as('foreman', '/task/result/', { json: { id, attempt: 1, result: 0 } });
  t.like(await state('client'), { state: 'resolved', result: true, time_expire: null });
  t.is((await as('other', `/task/state/${id}/`)).status, 403);
});

test("a list has one's own tasks, the newest first; inspectors see all and may ask for a user's", async (t) => {
  const scene = await openScene(t);
  const { as, put } = scene;
  const [one, others, two] = [await put('client'), await put('other'), await put('client')];
  t.deepEqual(await list(scene, 'client'), [two, one]);
  t.deepEqual(await list(scene, 'client', '?user=client'), [two, one]);
  t.deepEqual(await list(scene, 'inspector'), [two, others, one]);
  t.deepEqual(await list(scene, 'inspector', '?user=other'), [others]);
  t.deepEqual(await list(scene, 'inspector', '?user=inspector'), []);
  t.is((await as('client', '/task/task/?user=other')).status, 403);
  t.is((await as('inspector', '/task/task/?user=nemo')).status, 404);
});

test('a list is filtered by state, image and time', async (t) => {
  const scene = await openScene(t);
  const { as, put, take } = scene;
  const [one, two] = [await put('client', { image: 'gcc' }), await put('client')];
  await take('foreman', 'f');
  t.deepEqual(await list(scene, 'client', '?state=assigned'), [one]);
  t.deepEqual(await list(scene, 'client', '?state=pending&image=gcc'), []);
  t.deepEqual(await list(scene, 'client', '?image=busybox'), [two]);
  t.deepEqual(await list(scene, 'client', '?since=2100-01-01T00:00:00Z'), []);
  t.deepEqual(await list(scene, 'client', '?before=2100-01-01T00:00:00%2B02:00'), [two, one]);
  for (const [query, field] of [
    ['state=dead', 'state'],
    ['since=yesterday', 'since'],
    ['cursor=x', 'cursor'],
    ['most=0', 'most'],
    ['state=pending&state=failed', 'state'],
  ] as const) {
    const { status, json } = await as('client', `/task/task/?${query}`);
    t.deepEqual([status, json['code'], json['field']], [400, 'bad-value', field]);
  }
});

test('a long list comes in pages, each of which says where the next begins', async (t) => {
  const scene = await openScene(t);
  const ids: string[] = [];
  for (let count = 0; count < 5; count += 1) ids.unshift(await scene.put('client'));
  const seen: string[] = [];
  const sizes: number[] = [];
  for (let cursor: number | null | undefined; cursor !== null; ) {
    const { json } = await scene.as('client', `/task/task/?most=2${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    const tasks = json['tasks'] as TaskState[];
    seen.push(...tasks.map(({ id }) => id));
    sizes.push(tasks.length);
    cursor = json['next'] as number | null;
    // What comes in meanwhile is on no page: it is newer.
    await scene.put('client');
  }
  t.deepEqual(seen, ids);
  t.deepEqual(sizes, [2, 2, 1]);
});

test('PUT answers what GET does, HEAD only how long it is, and other methods are named in Allow', async (t) => {
  const { as, put, take } = await openScene(t);
  const id = await put('client');
  await take('foreman');
  await as('foreman', '/task/result/', { json: { id, result: 0 } });
  for (const at of [`/task/task/${id}/`, `/task/result/${id}/`]) {
    const got = await as('client', at);
    t.is((await as('client', at, { method: 'PUT' })).text, got.text);
    const head = await as('client', at, { method: 'HEAD' });
    t.deepEqual([head.status, head.text, head.headers.get('content-length')], [200, '', String(got.text.length)]);
    for (const method of ['PATCH', 'POST']) {
      const { status, headers } = await as('client', at, { method });
      t.is(status, 405);
      t.deepEqual(headers.get('allow')?.split(', ').toSorted(), ['DELETE', 'GET', 'HEAD', 'PUT']);
    }
  }
});
