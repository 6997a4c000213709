import test from 'ava';
import { openScene, send } from '../server-scene.ts';
import { until } from '../until.ts';

test('a dequeue without anything gets one task and no leases, as from the original', async (t) => {
  const { as, put } = await openScene(t);
  const id = await put('client');
  await put('client');
  const { json } = await as('foreman', '/queue/dequeue/', { json: {} });
  t.deepEqual(Object.keys(json), ['tasks', 'status']);
  t.deepEqual(
    (json['tasks'] as { id: string }[]).map((task) => task.id),
    [id],
  );
  t.is((await as('foreman', '/queue/dequeue/', { json: { concurency: 0 } })).text, '{"tasks":[],"status":"OK"}');
});

test('a foreman with a name gets leases of thirty seconds', async (t) => {
  const { as, put } = await openScene(t);
  const task = await put('client');
  const { json } = await as('foreman', '/queue/dequeue/', { json: { foreman: 'node-1', concurency: 5 } });
  t.deepEqual(json['leases'], [{ task, attempt: 1, seconds: 30 }]);
});

test('a long poll answers the moment a task is put', async (t) => {
  const { as, put } = await openScene(t);
  const started = performance.now();
  const waiting = as('foreman', '/queue/dequeue/', { json: { foreman: 'f', wait: 60 } });
  await as('foreman', '/queue/dequeue/', { json: { foreman: 'g', concurency: 0 } });
  const id = await put('client');
  const { json } = await waiting;
  t.is((json['tasks'] as { id: string }[])[0]?.id, id);
  t.true(performance.now() - started < 30_000, 'it would look once more when its time is over');
});

test('a long poll is ended by the next question of the same foreman', async (t) => {
  const { as } = await openScene(t);
  const started = performance.now();
  let isOver = false;
  const waiting = as('foreman', '/queue/dequeue/', { json: { foreman: 'f', wait: 60 } }).finally(() => (isOver = true));
  // Two connections keep no order: the first end may overtake the question.
  await until(async () => {
    await as('foreman', '/queue/dequeue/', { json: { foreman: 'f', concurency: 0 } });
    return isOver;
  });
  t.like((await waiting).json, { status: 'OK', tasks: [], leases: [] });
  t.true(performance.now() - started < 50_000, 'it would end by itself when its time is over');
});

test('a long poll of a foreman that hangs up takes nothing', async (t) => {
  const { url, authorization, as, put } = await openScene(t);
  const gone = new AbortController();
  const polls = Array.from({ length: 5 }, (_, index) =>
    fetch(`${url()}/queue/dequeue/`, {
      method: 'POST',
      headers: authorization('foreman'),
      body: JSON.stringify({ foreman: `f${index}`, wait: 60 }),
      signal: gone.signal,
    }),
  );
  await as('foreman', '/settings/');
  gone.abort();
  t.true((await Promise.allSettled(polls)).every(({ status }) => status === 'rejected'));
  await as('foreman', '/settings/');
  await put('client');
  // A foreman that goes away at the very moment the task comes is given it, and it goes back at once.
  await until(async () => (await as('client', '/queue/stats/')).json['task_unassigned_count'] === 1);
});

test('the heartbeat says for each task whether to go on', async (t) => {
  const { as, put, take } = await openScene(t);
  await put('client');
  const { task = '' } = (await take('foreman', 'f')) ?? {};
  const tasks = [
    { task, attempt: 1, phase: 'running' },
    { task, attempt: 2 },
    { task: '0'.repeat(32), attempt: 1 },
  ];
  const { json } = await as('foreman', '/queue/heartbeat/', { json: { foreman: 'f', tasks } });
  t.deepEqual(
    (json['tasks'] as { verdict: string }[]).map(({ verdict }) => verdict),
    ['keep', 'kill', 'kill'],
  );
  t.is(json['seconds'], 30);
  const stranger = await as('second', '/queue/heartbeat/', { json: { foreman: 'f', tasks: [{ task, attempt: 1 }] } });
  t.is((stranger.json['tasks'] as { verdict: string }[])[0]?.verdict, 'kill');
});

test('statistics count tasks as the original does', async (t) => {
  const { as, put, take } = await openScene(t);
  for (let count = 0; count < 3; count += 1) await put('client');
  await take('foreman', 'f');
  const taken = await take('second', 'f');
  await as('second', '/task/result/', { json: { id: taken?.task, attempt: 1, result: 0 } });
  t.deepEqual((await as('nobody', '/queue/stats/')).json, {
    task_count: 3,
    task_resolved_count: 1,
    task_unresolved_count: 2,
    task_unassigned_count: 1,
    task_assigned_count: 1,
    task_assignees: { foreman: 1 },
    status: 'OK',
  });
});

test('the queue is closed to those who may not process, and says which methods it knows', async (t) => {
  const { as, url } = await openScene(t);
  t.is((await as('client', '/queue/dequeue/', { json: {} })).status, 403);
  t.is((await send(`${url()}/queue/stats/`)).status, 403);
  const { status, headers } = await as('foreman', '/queue/dequeue/');
  t.deepEqual([status, headers.get('allow')], [405, 'POST']);
  for (const json of [[], { concurency: 'many' }, { limits: { memory: 'x' } }, { wait: 61 }, { foreman: '/' }]) {
    t.is((await as('foreman', '/queue/dequeue/', { json })).status, 400, JSON.stringify(json));
  }
});
