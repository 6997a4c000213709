import test from 'ava';
import { gpuTagsOf, readGpuNames } from '../src/gpu-tags.ts';

test('GPUs are tagged by how many, by maker and by model, each once', (t) => {
  t.deepEqual(gpuTagsOf(['NVIDIA A100-SXM4-40GB', 'NVIDIA A100-SXM4-40GB']), [
    'gpus:2',
    'gpu:nvidia',
    'gpu:a100-sxm4-40gb',
  ]);
  t.deepEqual(gpuTagsOf(['NVIDIA GeForce RTX 3090']), ['gpus:1', 'gpu:nvidia', 'gpu:geforce-rtx-3090']);
});

test('a machine without GPUs has no tags of them', async (t) => {
  t.deepEqual(gpuTagsOf([]), []);
  t.true(Array.isArray(await readGpuNames()));
});
