/**
 * GPUs as nvidia-smi lists them, and their tags in the original's spelling: `gpus:2`, `gpu:nvidia`, `gpu:a100-sxm4-40gb`.
 * A machine without NVIDIA's driver has none.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** nvidia-smi starts the driver where nothing else has; that takes seconds, and a GPU that hangs takes it all. */
const PATIENCE_MS = 30_000;

/** Names of the GPUs, in the order of their index. */
export async function readGpuNames(): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], {
      timeout: PATIENCE_MS,
    });
    return stdout.split('\n').filter((line) => line.trim() !== '');
  } catch {
    // No driver, or none that answers: then there is nothing here to give out.
    return [];
  }
}

export function gpuTagsOf(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const parts = names.flatMap((name) => {
    const [first = '', ...rest] = name.trim().toLowerCase().split(' ');
    return rest.length === 0 ? [`gpu:${first}`] : [`gpu:${first}`, `gpu:${rest.join('-')}`];
  });
  return [`gpus:${names.length}`, ...new Set(parts)];
}
