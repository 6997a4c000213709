/** The shape of this machine: which CPUs share a core and which a NUMA node, as the kernel tells it in sysfs. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseCpuList } from '@kolejka/protocol';

export interface Cpu {
  /** The kernel's number of it. */
  id: number;
  /** The same for CPUs that share a core. */
  core: string;
  /** NUMA node; 0 where the machine knows none. */
  node: number;
}

/** Documentation/ABI/stable/sysfs-devices-system-cpu and -node of the kernel. */
const SYSFS = '/sys/devices/system';

/**
 * The CPUs with these numbers, in their order.
 * @param ids those that may be used; all that are online when undefined
 */
export async function readCpus(ids: readonly number[] | undefined, root = SYSFS): Promise<Cpu[]> {
  const nodes = await readNodes(root);
  const wanted = ids ?? parseCpuList((await readText(path.join(root, 'cpu/online'))) ?? '');
  return await Promise.all(
    wanted.map(async (id) => {
      const siblings = await readText(path.join(root, `cpu/cpu${id}/topology/thread_siblings_list`));
      // One that does not tell its siblings, as in some virtual machines, is a core of its own.
      return { id, core: siblings?.trim() ?? String(id), node: nodes.get(id) ?? 0 };
    }),
  );
}

/** NUMA node of each CPU. */
async function readNodes(root: string): Promise<Map<number, number>> {
  const names = await readdir(path.join(root, 'node')).catch(() => []);
  const nodes = new Map<number, number>();
  for (const name of names) {
    const [, node] = /^node(\d+)$/.exec(name) ?? [];
    if (node === undefined) continue;
    const list = await readText(path.join(root, 'node', name, 'cpulist'));
    for (const id of parseCpuList(list ?? '')) nodes.set(id, Number(node));
  }
  return nodes;
}

async function readText(file: string): Promise<string | undefined> {
  return await readFile(file, 'utf8').catch(() => undefined);
}
