import { LIMIT_NAMES } from '@kolejka/protocol';
import test from 'ava';
import { CEILING_SETTINGS, ceilingsIn, underCeilings } from '../src/ceilings.ts';
import { openScene } from './server-scene.ts';

test('there is a setting for every limit that is an amount, with its variable', (t) => {
  const amounts = LIMIT_NAMES.filter((name) => name !== 'cpus_offset' && name !== 'gpus_offset');
  t.deepEqual(
    Object.keys(CEILING_SETTINGS),
    amounts.map((name) => `limit_${name}`),
  );
  t.is(CEILING_SETTINGS.limit_gpu_memory.env, 'KOLEJKA_SERVER_LIMIT_GPU_MEMORY');
  t.is(CEILING_SETTINGS.limit_memory.parse('1G', 'limit_memory'), 1024 ** 3);
});

test('the ceilings are those settings that are set', (t) => {
  t.deepEqual(ceilingsIn({ limit_memory: 5, limit_time: undefined, limit_network: false }), {
    memory: 5,
    network: false,
  });
});

for (const [what, asked, ceilings, got] of [
  ['the lower of both holds', { memory: 10, pids: 3 }, { memory: 5, pids: 7 }, { memory: 5, pids: 3 }],
  ['a task that states nothing gets the ceiling', {}, { memory: 5, time: 1000 }, { memory: 5, time: 1000 }],
  ['without ceilings a task gets what it asks for', { memory: 10, gpus: 1 }, {}, { memory: 10, gpus: 1 }],
  ['a ceiling gives nobody a network', {}, { network: true }, {}],
  ['a ceiling takes the network away', { network: true }, { network: false }, { network: false }],
  ['a task that asks gets the network', { network: true }, { network: true }, { network: true }],
  ['a ceiling gives nobody GPUs', {}, { gpus: 4, gpu_memory: 8 }, {}],
  ['GPUs are held under the ceiling', { gpus: 8, gpu_memory: 9 }, { gpus: 4 }, { gpus: 4, gpu_memory: 9 }],
  [
    'regression: a server without limit_gpus leaves tasks their GPUs',
    { gpus: 2, gpus_offset: 1, gpu_memory: 9, memory: 3 },
    { memory: 2 },
    { gpus: 2, gpus_offset: 1, gpu_memory: 9, memory: 2 },
  ],
  ['a place is no amount', { cpus: 4, cpus_offset: 2 }, { cpus: 2 }, { cpus: 2, cpus_offset: 2 }],
] as const) {
  test(what, (t) => t.deepEqual(underCeilings(asked, ceilings), got));
}

test('the server says its ceilings, and puts, keeps and hands out tasks under them', async (t) => {
  const scene = await openScene(t, { settings: { limit_memory: 64 * 1024 ** 2, limit_time: 10_000 } });
  const ceilings = { memory: '67108864b', time: '10.0s' };
  const { json } = await scene.as('client', '/settings/');
  t.deepEqual(json, { blob_hash_algorithm: 'sha256', limits: ceilings, status: 'OK' });
  const limits = { memory: '1G', pids: 5, gpus: 1, time: '1s' };
  const put = await scene.as('client', '/task/task/', { json: { image: 'busybox', args: ['true'], limits } });
  const { task } = put.json as { task: { id: string; limits: object } };
  t.deepEqual(task.limits, { memory: '67108864b', pids: 5, time: '1.0s', gpus: 1 });
  t.like((await scene.as('client', `/task/task/${task.id}/`)).json, { task: { limits: task.limits } });
  const offered = { limits: { memory: '100M', time: '1m', gpus: 1 } };
  const { json: taken } = await scene.as('foreman', '/queue/dequeue/', { json: offered });
  t.like(taken, { tasks: [] }, 'a minute is written 1M: 1m is a millisecond');
  const { json: fits } = await scene.as('foreman', '/queue/dequeue/', {
    json: { limits: { ...offered.limits, time: '1M' } },
  });
  t.like(fits, { tasks: [{ limits: task.limits }] });
});
