/** What `kolejka-runner` leaves of a program: its pid while it runs, its statistics, and why it ended. */
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { GridError, printStats } from '@kolejka/protocol';
import type { Outcome } from './outcome.ts';
import type { Written } from './streams.ts';

interface ReportFlags {
  pidFile?: string;
  statsFile?: string;
  json?: true;
}

export interface Report {
  /** The program is about to begin. */
  begin(pid: number): void;
  end(outcome: Outcome, output: { stdout?: Written; stderr?: Written }): void;
  /** Removes the file of the pid. */
  close(): void;
}

/** @throws GridError `no-file` naming the flag, before anything is run */
export function openReport({ pidFile, statsFile, json }: ReportFlags): Report {
  const statsTo = statsFile === undefined ? undefined : openFile('--stats-file', statsFile);
  const pidTo = pidFile === undefined ? undefined : openFile('--pid-file', pidFile);
  return {
    begin(pid) {
      if (pidTo !== undefined) writeFileSync(pidTo, `${pid}\n`);
    },
    end({ result, reason, message, stats }, output) {
      if (statsTo !== undefined) writeFileSync(statsTo, `${JSON.stringify(printStats(stats))}\n`);
      if (json === true) {
        const sizes = Object.entries(output).map(([name, { bytes, isCut }]) => [name, { bytes, cut: isCut }]);
        const all = { result, reason, message, stats: printStats(stats), ...Object.fromEntries(sizes) };
        process.stderr.write(`${JSON.stringify(all)}\n`);
      } else if (message !== undefined) {
        process.stderr.write(`kolejka-runner: ${message}\n`);
      }
    },
    close() {
      for (const fd of [statsTo, pidTo]) if (fd !== undefined) closeSync(fd);
      if (pidFile !== undefined) rmSync(pidFile, { force: true });
    },
  };
}

function openFile(flag: string, file: string): number {
  try {
    return openSync(file, 'w');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('no-file', `${flag}: ${file} cannot be written (${code})`, { field: flag, cause });
  }
}
