/** What came of a program in a session. */
import { constants } from 'node:os';
import { GridError, type Limits, type Reason, type Stats, UNITS } from '@kolejka/protocol';
import type { Exit } from './start.ts';

export interface Outcome {
  /** Exit code of the program, 128 + signal when a signal ended it. */
  result: number;
  signal: NodeJS.Signals | undefined;
  reason: Extract<Reason, 'exit' | 'signal' | 'time' | 'memory' | 'pids'>;
  /** One sentence when it was a limit, or when there are no statistics. */
  message: string | undefined;
  stats: Stats;
}

/**
 * The first that fits, in this order: what ends a program, then what it may have survived.
 * @param seen the statistics, or why there are none
 */
export function outcomeOf({ code, signal }: Exit, limits: Limits, seen: Stats | GridError): Outcome {
  const result = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  const stats = seen instanceof GridError ? {} : seen;
  const ended = { result, signal: signal ?? undefined, stats };
  const { time, memory, pids } = limits;
  if (time !== undefined && signal === 'SIGKILL' && (stats.time ?? 0) >= time) {
    return { ...ended, reason: 'time', message: `The time limit of ${UNITS.duration.print(time)} was reached.` };
  }
  if ((stats.memory_oom_kills ?? 0) > 0) {
    const least = memory === undefined ? 'above the session' : `of ${UNITS.bytes.print(memory)}`;
    return { ...ended, reason: 'memory', message: `The kernel killed for memory; there is a limit ${least}.` };
  }
  if ((stats.pids_failures ?? 0) > 0) {
    const least = pids === undefined ? 'above the session' : `of ${pids}`;
    return { ...ended, reason: 'pids', message: `A fork was refused; there is a limit on pids ${least}.` };
  }
  const message = seen instanceof GridError ? `There are no statistics: ${seen.message}` : undefined;
  return { ...ended, reason: signal === null ? 'exit' : 'signal', message };
}
