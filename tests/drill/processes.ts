/** Processes by the directory they work in: so they are found whoever has started them and is gone. */
import { readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Pids of processes whose working directory is this one or below it, also when it is removed already. */
export async function processesIn(directory: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Empty when the process has ended meanwhile.
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
      return `${cwd}/`.startsWith(directory + path.sep) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

/** Kills them all, and returns when none is left. */
export async function killProcessesIn(directory: string): Promise<void> {
  for (;;) {
    const pids = await processesIn(directory);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    await sleep(5);
  }
}
