/** docs/stats.md: the table of measurements. */
import { STAT_NAMES, STATS, UNITS } from '@kolejka/protocol';
import { code, page, table } from './markdown.ts';

const FOLDED = { last: 'the later one', peak: 'the larger one', sum: 'both together' } as const;

/** How the kernel's files are to be read; what the table cannot say. */
const REMARKS = [
  '**Of a task**, these are the figures of its task group: everything in its container, with what the engine does there to start it. See [0013](decisions/0013-what-figures-include.md) for how much that is. **Of an observer session**, they are exactly those of its processes since they were attached.',
  '**User and system time**: the kernel looks at each tick (1 to 10 ms) whether a program or the kernel runs, and divides the exact total (`cpu.usage`) in that proportion. On v1 the files have the ticks alone and we divide; on v2 the kernel does. So both together are the total, and either of a short program is coarse.',
  "**Memory without page cache** (`program`, `max_program`): the kernel keeps no peak of it, so it is sampled, of a task every 50 ms, of observer sessions twenty at a time every 50 ms (so less often where more are open) and whenever their statistics are read. It is never too high. It is too low by what lived between two samples only (a program of less than 50 ms may have none), and on a busy machine by a few MB that the kernel has not yet added up. `max_usage` is the kernel's own peak and misses nothing, page cache included: a program that reads or writes a large file has that in it, up to its memory limit.",
  '**`memory.failures`** counts how often memory was taken back or refused at the limit, also where only page cache had to go: it is no count of kills, `oom_kills` is. On v1, kernels that do not count failures of memory and swap together leave it out rather than say 0.',
  '**`memory.max_usage`** is there on v2 since Linux 5.19, **`max_swap`** since 6.5, **`pids.max_usage`** since 6.1, `cpu.stat.local` since 6.6 (before, `cpu.stat`).',
  "**I/O** is what went to block devices: what is read from the page cache or written to a tmpfs is not. On v2 it takes the controller `io`, and written bytes are those of the group although the kernel writes them later. On v1 later writes are nobody's: only what a program writes past the page cache is counted; and Linux 6.10 and later count there only on devices that somebody throttles, so mostly the figures are absent. A device that stands on another one (LVM, dm-crypt) counts on both.",
  '**Pressure** is PSI, where the kernel has it (`psi=1` on its command line where the distribution turned it off). On v1 it comes from the cgroup v2 hierarchy that systemd mounts beside (`/sys/fs/cgroup/unified`), and is absent where there is none or the engine puts containers elsewhere. A task with much pressure on its CPUs or disk ran on a node that was busy: its wall time says little.',
  '**`perf.*`** are counted in user mode for a task or session that states a limit on them, on machines whose CPU has counters for it; most virtual machines have none. See [limits](limits.md).',
  '`stats.cpus` has the CPU time of each CPU by its number, `{"0": {"usage": "1.5s"}}`: on v1 `cpuacct.usage_percpu`, on v2 no kernel tells. `stats.gpus` is kept empty for clients that look for it.',
];

export function statsPage(): string {
  return page('Statistics', [
    'What is measured of a task, in `stats` of its `kolejka_result.json`, and of an observer session, in the answer to `stats`. A measurement that the kernel of the node cannot give is absent, never 0. The last two columns name the kernel file on each version of control groups, and the key in it.',
    table(
      ['field', 'what', 'unit', 'written', 'of two samples', 'cgroup v1', 'cgroup v2'],
      STAT_NAMES.map((name) => {
        const { place, unit, fold, about, v1, v2 } = STATS[name];
        return [
          code(`stats.${place.join('.')}`),
          about,
          unit,
          code(JSON.stringify(UNITS[unit].print(1500))),
          FOLDED[fold],
          sourceOf(v1),
          sourceOf(v2),
        ];
      }),
    ),
    ...REMARKS,
  ]);
}

function sourceOf(source: string | undefined): string {
  if (source === undefined) return 'cannot tell';
  return /^[a-z_]+[.(]/.test(source) ? code(source) : source;
}
