/** GPUs of a task: a set that the engine's NVIDIA runtime gives it, and no other. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Limits } from '@kolejka/protocol';
import type { DeviceRequest } from 'dockerode';
import type { Engine } from './engine.ts';
import { notKept } from './limit-not-kept.ts';

export interface Gpu {
  /** As the runtime takes it: `GPU-…`, the same after a reboot. */
  uuid: string;
  memoryBytes: number;
}

/**
 * The limits on GPUs that hold. They are needs, where others are ceilings: a task that was given fewer than it asks
 * for would run without them and without a word.
 * @throws GridError `limit-not-kept` when the node grants fewer
 */
export function neededGpus(asked: Limits, granted: Limits): Limits {
  const { gpus, gpu_memory: memory } = asked;
  if ((gpus ?? 0) > (granted.gpus ?? Infinity))
    throw notKept('gpus', `${gpus} are asked for, it grants ${granted.gpus}`);
  const offset = granted.gpus_offset ?? asked.gpus_offset;
  return {
    ...(gpus !== undefined && { gpus }),
    ...(offset !== undefined && { gpus_offset: offset }),
    ...(memory !== undefined && { gpu_memory: memory }),
  };
}

/**
 * What to ask of the engine for the GPUs of a task; nothing for a task without.
 * @throws GridError `limit-not-kept` when this node does not have them
 */
export async function requestGpus(
  engine: Pick<Engine, 'runtimes'>,
  limits: Limits,
  set?: readonly number[],
): Promise<DeviceRequest[]> {
  if ((limits.gpus ?? 0) === 0) return [];
  if (!engine.runtimes.includes('nvidia')) {
    throw notKept('gpus', 'the engine has no NVIDIA runtime (install the NVIDIA container toolkit)');
  }
  return [asRequest(chooseGpus(await listGpus(), limits, set))];
}

async function listGpus(): Promise<Gpu[]> {
  const query = ['--query-gpu=uuid,memory.total', '--format=csv,noheader,nounits'];
  try {
    return parseGpus((await promisify(execFile)('nvidia-smi', query, { timeout: 30_000 })).stdout);
  } catch (cause) {
    throw notKept('gpus', `nvidia-smi does not list the GPUs: ${(cause as Error).message.trim()}`, cause);
  }
}

/** Lines of nvidia-smi in the order of their index: `GPU-5a…, 16384`, in MiB. */
export function parseGpus(text: string): Gpu[] {
  return text
    .split('\n')
    .map((line) => line.split(','))
    .filter(([uuid, memory]) => uuid?.startsWith('GPU-') === true && Number(memory) > 0)
    .map(([uuid = '', memory]) => ({ uuid, memoryBytes: Number(memory) * 1024 ** 2 }));
}

/**
 * The GPUs of the set, else those from `gpus_offset` on.
 * @param set places in the list
 * @throws GridError `limit-not-kept` when they are too few or too small
 */
export function chooseGpus(gpus: readonly Gpu[], limits: Limits, set?: readonly number[]): Gpu[] {
  const { gpus: count = 0, gpus_offset: first = 0, gpu_memory: least = 0 } = limits;
  const places = set ?? Array.from({ length: count }, (_, index) => first + index);
  return places.map((place) => {
    const gpu = gpus[place];
    if (gpu === undefined) throw notKept('gpus', `GPU ${place} is asked for and there are ${gpus.length}`);
    if (gpu.memoryBytes < least) {
      throw notKept('gpu_memory', `${least} bytes are asked for, GPU ${place} has ${gpu.memoryBytes}`);
    }
    return gpu;
  });
}

export function asRequest(gpus: readonly Gpu[]): DeviceRequest {
  return { Driver: 'nvidia', DeviceIDs: gpus.map(({ uuid }) => uuid), Capabilities: [['gpu']] };
}
