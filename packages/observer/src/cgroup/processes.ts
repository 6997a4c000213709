/** Signals to processes of a group. */
import { GridError } from '@kolejka/protocol';
import { errorCode, pidsIn, subtree, writeFile } from './files.ts';

/** How long processes may take to die; freeing many gigabytes takes seconds. */
export const DEATH_PATIENCE_MS = 10_000;

/** Pids in a group and all below. */
export function pidsBelow(directory: string): number[] {
  return subtree(directory).flatMap(pidsIn);
}

/** SIGKILL to everything there now. */
export function signalAll(directory: string): void {
  for (const pid of pidsBelow(directory)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (thrown) {
      if (errorCode(thrown) !== 'ESRCH') throw thrown;
    }
  }
}

export function someDoNotDie(path: string, pids: readonly number[]): GridError {
  const shown = pids.slice(0, 5).join(', ');
  return new GridError(
    'node-unfit',
    `Processes of ${path} do not die (${shown}); look at their state in /proc/PID/status, the disk or the kernel may hang.`,
  );
}

/** Why a process cannot be moved, by what the kernel says (cgroup_procs_write_start, cpu_cgroup_can_attach). */
const IMMOVABLE: Readonly<Record<string, (pid: number) => string>> = {
  ESRCH: (pid) => `There is no process ${pid}.`,
  EINVAL: (pid) =>
    `Process ${pid} has a real-time priority, which no session has time for; give it an ordinary one: chrt --other --pid 0 ${pid}`,
};

/** Moves one process. @throws GridError `foreign-process` when it is gone, or cannot be in a group */
export function moveInto(directory: string, pid: number): void {
  try {
    writeFile(`${directory}/cgroup.procs`, pid);
  } catch (thrown) {
    const why = IMMOVABLE[errorCode(thrown)];
    if (why === undefined) throw thrown;
    throw new GridError('foreign-process', why(pid), { cause: thrown });
  }
}
