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

/** Moves one process. @throws GridError `foreign-process` when it is gone */
export function moveInto(directory: string, pid: number): void {
  try {
    writeFile(`${directory}/cgroup.procs`, pid);
  } catch (thrown) {
    if (errorCode(thrown) !== 'ESRCH') throw thrown;
    throw new GridError('foreign-process', `There is no process ${pid}.`, { cause: thrown });
  }
}
