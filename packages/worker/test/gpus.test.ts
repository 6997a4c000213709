import test from 'ava';
import type { Limits } from '@kolejka/protocol';
import { asRequest, chooseGpus, parseGpus } from '../src/gpus.ts';
import { openScene } from './scene.ts';

const GIB = 1024 ** 3;
const LISTED = 'GPU-11aa-0, 16384\nGPU-22bb-1, 16384\nGPU-33cc-2, 8192\n';

test('what nvidia-smi lists is read in its order, in bytes, and other lines are no GPUs', (t) => {
  t.deepEqual(parseGpus(`${LISTED}No devices were found\nGPU-44dd, [N/A]\n`), [
    { uuid: 'GPU-11aa-0', memoryBytes: 16 * GIB },
    { uuid: 'GPU-22bb-1', memoryBytes: 16 * GIB },
    { uuid: 'GPU-33cc-2', memoryBytes: 8 * GIB },
  ]);
  t.deepEqual(parseGpus(''), []);
});

test('a task gets the GPUs of its set and no other', (t) => {
  const request = (limits: Limits) => asRequest(chooseGpus(parseGpus(LISTED), limits)).DeviceIDs;
  t.deepEqual(request({ gpus: 1 }), ['GPU-11aa-0']);
  t.deepEqual(request({ gpus: 2, gpus_offset: 1 }), ['GPU-22bb-1', 'GPU-33cc-2']);
  t.deepEqual(request({ gpus: 2, gpu_memory: 16 * GIB }), ['GPU-11aa-0', 'GPU-22bb-1']);
  t.deepEqual(asRequest(chooseGpus(parseGpus(LISTED), { gpus: 1 })), {
    Driver: 'nvidia',
    DeviceIDs: ['GPU-11aa-0'],
    Capabilities: [['gpu']],
  });
});

test('GPUs of a set need not lie side by side', (t) => {
  const gpus = parseGpus(LISTED);
  t.deepEqual(chooseGpus(gpus, { gpus: 2, gpus_offset: 0 }, [0, 2]), [gpus[0], gpus[2]]);
  t.throws(() => chooseGpus(gpus, { gpus: 2, gpu_memory: 16 * GIB }, [0, 2]), { message: /GPU 2 has 8589934592/ });
  t.throws(() => chooseGpus(gpus, { gpus: 2 }, [1, 3]), { message: /GPU 3 is asked for and there are 3/ });
});

const REFUSED: readonly [Limits, string, RegExp][] = [
  [{ gpus: 4 }, 'limits.gpus', /GPU 3 is asked for and there are 3/],
  [{ gpus: 1, gpus_offset: 3 }, 'limits.gpus', /GPU 3 is asked for and there are 3/],
  [{ gpus: 3, gpu_memory: 16 * GIB }, 'limits.gpu_memory', /GPU 2 has 8589934592/],
];

for (const [limits, field, message] of REFUSED) {
  test(`GPUs that are not there are refused: ${JSON.stringify(limits)}`, (t) => {
    const error = t.throws(() => chooseGpus(parseGpus(LISTED), limits));
    t.like(error, { code: 'limit-not-kept', field });
    t.regex(error?.message ?? '', message);
  });
}

test('a node without GPUs refuses a task that needs one before it starts, and runs one that needs none', async (t) => {
  const { run, context } = await openScene(t);
  context.engine = { ...context.engine, runtimes: context.engine.runtimes.filter((name) => name !== 'nvidia') };
  let started = false;
  const refused = await run({ args: ['true'], limits: { gpus: 1 } }, {}, { started: () => (started = true) });
  t.is(refused.result.reason, 'infrastructure');
  t.regex(refused.result.message ?? '', /limits\.gpus: this node cannot keep it: .*NVIDIA/);
  t.false(started);
  const granted = await run({ args: ['true'], limits: { gpus: 1 } }, {}, { limits: { gpus: 0 } });
  t.regex(granted.result.message ?? '', /limits\.gpus: .* 1 are asked for, it grants 0/);
  const none = await run({ args: ['true'], limits: { gpus: 0, gpus_offset: 0, gpu_memory: '1G' } });
  t.is(none.result.reason, 'exit');
});
