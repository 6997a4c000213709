/** Who keeps each limit, by what, and what a task sees of it: a row per limit of the protocol's table. */
import { LIMIT_NAMES, type LimitName, type Limits } from '@kolejka/protocol';
import { notKept } from './limit-not-kept.ts';

/**
 * `group`: the task group, by files of the kernel. `container`: an option of the container. `watch`: the worker, while
 * the program runs. `image`: checked before the run. `disk`: a bounded file system. `gpus`: chosen before the run.
 */
type Keeper = 'group' | 'container' | 'watch' | 'image' | 'disk' | 'gpus';

export interface KeeperRow {
  by: Keeper;
  /** File of the kernel (v1, v2), option of the engine, or what the worker does. */
  how: string;
  /** What happens when the limit is reached. */
  reached: string;
  /** Why a node refuses a task that states it, where that can be. */
  refused?: string;
}

const NO_GROUP_FILES = 'cgroup v1 has no file for it: it takes a node with cgroup v2';
const NO_COUNTERS = 'its CPU shows no counters, as in most virtual machines, or its kernel does not lend them';

export const KEEPERS = {
  cpus: {
    by: 'group',
    how: '`cpuset.cpus`: a set, so that no time is lost to throttling',
    reached: 'the processes share the CPUs',
    refused: 'more CPUs are asked for than there are',
  },
  cpus_offset: {
    by: 'group',
    how: '`cpuset.cpus`, with `cpus`',
    reached: 'nothing to reach',
    refused: 'the set would end beyond the last CPU, or has one that is not there',
  },
  memory: {
    by: 'group',
    how: '`memory.limit_in_bytes`; v2: `memory.max`. Shared memory, `/dev/shm` and other tmpfs count',
    reached: 'the kernel kills a process: reason `memory`, also when the program survives that',
  },
  swap: {
    by: 'group',
    how: '`memory.memsw.limit_in_bytes` − memory; v2: `memory.swap.max`',
    reached: 'the kernel keeps what is left in memory',
    refused: 'its kernel does not count swap (boot it with swapaccount=1)',
  },
  network: {
    by: 'container',
    how: '`NetworkMode`: `bridge`, or none but a loopback',
    reached: 'no address can be reached',
  },
  pids: {
    by: 'group',
    how: '`pids.max`; 1024 when neither task nor node states it',
    reached: 'the fork is refused, and the task killed: reason `pids`',
  },
  storage: {
    by: 'disk',
    how: 'a file system of that size under all that the container writes outside its workspace; one file for each 4 KiB, 1024 at least. `/dev/shm` (64 MiB) and `/dev` are memory',
    reached: '`ENOSPC`; reason `disk` when the program fails and the file system is full',
    refused: 'the worker is not root, or mkfs.ext4 is missing (package e2fsprogs)',
  },
  image: {
    by: 'image',
    how: '`Size` of the image as the engine counts it: all its layers unpacked, those it shares with others too',
    reached: 'the task is not begun, and the pull of such an image broken off: reason `image`',
  },
  workspace: {
    by: 'disk',
    how: 'a file system of that size for the task and result directories, what the task brings included; files as with `storage`. It is also the most that is kept of stdout and stderr together (without it 256 MiB), and that is collected by apparent size (16 GiB)',
    reached:
      '`ENOSPC`; reason `disk` when the program fails and the file system is full, or more is to be collected; `output` for the output',
    refused: 'as with `storage`',
  },
  time: { by: 'watch', how: "the worker's clock", reached: 'everything is killed: reason `time`' },
  gpus: {
    by: 'gpus',
    how: '`DeviceRequests` for the NVIDIA runtime of the engine: the GPUs of the set, and no other',
    reached: 'other GPUs are not there',
    refused: 'the engine has no NVIDIA runtime, or the set has a GPU that is not there',
  },
  gpus_offset: { by: 'gpus', how: 'with `gpus`', reached: 'nothing to reach' },
  gpu_memory: {
    by: 'gpus',
    how: 'looked up with `nvidia-smi`',
    reached: 'nothing to reach: the GPUs have all of their memory',
    refused: 'a GPU of the set has less',
  },
  perf_instructions: {
    by: 'group',
    how: "the CPU's counter, on the task group; looked at every 50 ms",
    reached: 'everything is killed: reason `perf`',
    refused: NO_COUNTERS,
  },
  perf_cycles: {
    by: 'group',
    how: 'as with `perf_instructions`',
    reached: 'everything is killed: reason `perf`',
    refused: NO_COUNTERS,
  },
  cgroup_depth: {
    by: 'group',
    how: 'v2: `cgroup.max.depth`',
    reached: 'making a group below is refused with `EAGAIN`',
    refused: NO_GROUP_FILES,
  },
  cgroup_descendants: {
    by: 'group',
    how: 'v2: `cgroup.max.descendants`',
    reached: 'making a group below is refused with `EAGAIN`',
    refused: NO_GROUP_FILES,
  },
} as const satisfies Record<LimitName, KeeperRow>;

/**
 * Refuses limits that groups on this machine cannot keep, before anything is made. Other keepers refuse theirs
 * themselves, before the program starts.
 * @param whyNotKept why the task group cannot keep a limit here; undefined when it can
 * @throws GridError `limit-not-kept` naming the limit
 */
export function checkLimits(limits: Limits, whyNotKept: (name: LimitName) => string | undefined): void {
  for (const name of LIMIT_NAMES) {
    const why = limits[name] === undefined || KEEPERS[name].by !== 'group' ? undefined : whyNotKept(name);
    if (why !== undefined) throw notKept(name, why);
  }
}
