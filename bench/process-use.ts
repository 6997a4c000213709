/** What a process has used so far, see proc(5). */
import { readdir, readFile } from 'node:fs/promises';

/** The kernel counts time for programs in hundredths of a second, on every machine Linux runs on. */
const MS_PER_TICK = 10;

/** Most memory it ever had resident, in bytes. */
export async function peakBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Time its threads have spent on a CPU, in milliseconds. */
export async function cpuMsOf(pid: number): Promise<number> {
  // Behind the command's name in brackets stand the state and so on: utime and stime are fields 14 and 15.
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Memory it has resident now, in bytes. */
export async function residentBytesOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Time its threads that live have spent on a CPU, in milliseconds; finer than `cpuMsOf`, for what does next to nothing. */
export async function threadMsOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    // Nanoseconds on a CPU stand first, see Documentation/scheduler/sched-stats.rst of the kernel.
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0')),
  );
  return times.reduce((sum, time) => sum + Number(time.split(' ')[0]) / 1e6, 0);
}
