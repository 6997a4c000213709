import test from 'ava';
import { openScene } from '../server-scene.ts';

/** What is sent as a task, and the field that is named in the refusal. */
type Refused = readonly [task: Record<string, unknown>, field: string];

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`v${index}`, 'x']));

const REFUSED: Record<string, readonly Refused[]> = {
  '37: a task with limits that are no limits': [
    [{ limits: { memory: -1 } }, 'limits.memory'],
    [{ limits: { memory: 0 } }, 'limits.memory'],
    [{ limits: { memory: '1e9G' } }, 'limits.memory'],
    [{ limits: { memory: '10 apples' } }, 'limits.memory'],
    [{ limits: { time: 'Infinity' } }, 'limits.time'],
    [{ limits: { cpus: -5 } }, 'limits.cpus'],
    [{ limits: { pids: 1.5 } }, 'limits.pids'],
    [{ limits: [] }, 'limits'],
  ],
  '38: a task with arguments that cannot be passed on': [
    [{ args: ['true', 'a\0b'] }, 'args.1'],
    [{ args: ['x'.repeat(200_000)] }, 'args.0'],
    [{ args: Array.from({ length: 100_000 }, () => 'x') }, 'args'],
    [{ args: [''] }, 'args.0'],
    [{ args: 'true' }, 'args'],
  ],
  '39: a task with an environment that cannot be passed on': [
    [{ environment: many(10_000) }, 'environment'],
    [{ environment: { 'A=B': 'x' } }, 'environment.A=B'],
    [{ environment: { '': 'x' } }, 'environment.'],
    [{ environment: { A: 'x\0y' } }, 'environment.A'],
    [{ environment: ['PATH='] }, 'environment'],
  ],
};

for (const [what, tasks] of Object.entries(REFUSED)) {
  test(`hostile input ${what} is refused with the field, and not put`, async (t) => {
    const { as } = await openScene(t, { settings: { largest_body: 2 * 1024 ** 2 } });
    for (const [task, field] of tasks) {
      const { status, json } = await as('client', '/task/task/', { json: { image: 'busybox', ...task } });
      t.is(status, 400, field);
      t.like(json, { code: 'bad-value', field, status: 'FAIL' });
    }
    t.is((await as('client', '/queue/stats/')).json['task_count'], 0);
  });
}

test('hostile input 39: variables that mean something to programs are passed to the task and to nobody else', async (t) => {
  const { as, put } = await openScene(t);
  const environment = { LD_PRELOAD: '/x.so', PATH: '', NODE_OPTIONS: '--require /x', __proto__x: '1' };
  const id = await put('client', { environment });
  const { json } = await as('foreman', '/queue/dequeue/', { json: {} });
  t.like((json['tasks'] as Record<string, unknown>[])[0], { id, environment });
  t.is(process.env['LD_PRELOAD'], undefined);
});

test('hostile input 59: a task cannot be made to wait for itself or for others, as it would be by a cycle', async (t) => {
  const { as, put } = await openScene(t);
  const wide = Array.from({ length: 10_000 }, (_, index) => index.toString(16).padStart(32, '0'));
  const first = await put('client', { depends_on: ['self'], after: wide });
  const second = await put('client', { id: first, depends_on: [first], requires: [] });
  t.not(first, second);
  for (const id of [first, second]) {
    const { json } = await as('foreman', '/queue/dequeue/', { json: {} });
    const [task] = json['tasks'] as Record<string, unknown>[];
    t.is(task?.['id'], id);
    t.false(Object.hasOwn(task ?? {}, 'depends_on'));
  }
});
