/** What this machine offers: limits, tags, and what a task that does not say is taken to ask for. */
import { hostname, release } from 'node:os';
import { LIMIT_NAMES, type Limits } from '@kolejka/protocol';
import { cpu, mem } from 'systeminformation';
import { readCpuTags } from './cpu-tags.ts';
import { gpuTagsOf, readGpuNames } from './gpu-tags.ts';

export interface Offer {
  /** Limits of the node; those it does not state are not counted. */
  limits: Limits;
  tags: readonly string[];
  /** What a task that does not state a limit asks for here. */
  defaults: Limits;
}

const MIB = 1024 ** 2;

/** Left to the machine itself: a quarter of the memory, at most 1 GiB. */
const spare = (totalBytes: number) => Math.min(totalBytes / 4, 1024 * MIB);

/** What a task asks for when it does not say, where the node states the limit. */
const SILENT_TASK: Limits = {
  cpus: 1,
  memory: 512 * MIB,
  swap: 0,
  pids: 256,
  storage: 1024 * MIB,
  image: 1024 * MIB,
  workspace: 1024 * MIB,
  time: 3_600_000,
};

/**
 * The offer of this machine.
 * @param configured limits an operator has set; they win over what the machine has
 * @param wanted tags an operator has set, and whether the machine's own are to be added
 */
export async function readOffer(
  configured: Limits,
  wanted: { tags: readonly string[]; auto: boolean },
): Promise<Offer> {
  const [{ cores }, { total }, gpus] = await Promise.all([cpu(), mem(), readGpuNames()]);
  const machine: Limits = {
    cpus: cores,
    memory: Math.floor(total - spare(total)),
    pids: 16_384,
    swap: 0,
    gpus: gpus.length,
    network: false,
  };
  const limits = { ...machine, ...configured };
  const ofMachine = async () => [
    ...(await readCpuTags()),
    ...gpuTagsOf(gpus),
    `hostname:${hostname()}`,
    `kernel:${release()}`,
  ];
  const automatic = wanted.auto ? await ofMachine() : [];
  return { limits, tags: [...new Set([...automatic, ...wanted.tags])], defaults: silentTask(limits) };
}

/** Never more than the node has: a task that says nothing fits an idle node. */
function silentTask(limits: Limits): Limits {
  const defaults: Limits = {};
  for (const name of LIMIT_NAMES) {
    const [asked, offered] = [SILENT_TASK[name], limits[name]];
    if (typeof asked === 'number' && offered !== undefined)
      Object.assign(defaults, { [name]: Math.min(asked, Number(offered)) });
  }
  return defaults;
}
