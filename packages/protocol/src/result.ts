/** What came of a task. */
import { z } from 'zod';
import { GridError } from './errors.ts';
import { parseFileName } from './file-name.ts';
import { type Files, parseFiles } from './files.ts';
import { TaskId } from './identifiers.ts';
import { type Limits, parseLimits, printLimits } from './limits.ts';
import { checked, parseShape } from './shape.ts';
import { parseCount } from './units.ts';
import { parseStats, printStats, type Stats } from './stats.ts';

/** Most tags of a node. A bound is looked at before the entries are; those of a body without one take the server's time. */
export const MOST_TAGS = 1000;

/** Why a task ended: the first reason wins. */
export const REASONS = {
  exit: 'the program ended by itself; `result` is its exit code',
  signal: 'the program was ended by a signal that the worker did not send',
  time: 'the time limit was reached and the task was killed',
  memory: 'the kernel killed a process of the task for memory',
  pids: 'the pids limit was reached and the task was killed',
  output: 'stdout and stderr grew over what the worker keeps',
  disk: 'the result is larger than what the worker collects',
  cancelled: 'the task was cancelled or its lease was lost',
  image: 'the image could not be had or the command could not be started in it',
  infrastructure: 'the node failed, not the task',
} as const;

export type Reason = keyof typeof REASONS;
export const REASON_NAMES = Object.keys(REASONS) as [Reason, ...Reason[]];

/** A result is what came of a task, at most one per task. @word result */
export const Result = z.object({
  id: TaskId.optional(),
  tags: z.array(z.string()).max(MOST_TAGS).default([]),
  limits: checked((value): Limits => parseLimits(value, 'limits', 'budget'), 'limits'),
  stats: checked((value): Stats => parseStats(value), 'stats'),
  /** Exit code of the program, 128 + signal when a signal ended it; absent when it was never started. */
  result: z.int().nullish(),
  /** Why the task ended; the original has no such field. */
  reason: z.enum(REASON_NAMES).optional(),
  /** One sentence for people beside the reason. */
  message: z.string().max(4000).optional(),
  stdout: checked((value) => (value == null ? undefined : parseFileName(value, 'stdout')), 'stdout').optional(),
  stderr: checked((value) => (value == null ? undefined : parseFileName(value, 'stderr')), 'stderr').optional(),
  files: checked((value): Files => parseFiles(value), 'files'),
});
export type Result = z.infer<typeof Result>;

/**
 * A result from JSON.
 * @throws GridError `bad-value` naming the field
 */
export function parseResult(value: unknown): Result {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GridError('bad-value', 'a result is one JSON object');
  }
  // A local task of the original has a name of its own in place of an identifier.
  const { id, ...rest } = value as Record<string, unknown>;
  const result = parseShape(Result, rest);
  const known = TaskId.safeParse(id);
  return known.success ? { ...result, id: known.data } : result;
}

/**
 * A result as a foreman hands it in: with the attempt that fences it, where the foreman knows of attempts.
 * @throws GridError `bad-value` naming the field
 */
export function parseHandedIn(value: unknown): { attempt: number | undefined; result: Result } {
  const result = parseResult(value);
  const { attempt } = value as { attempt?: unknown };
  return { attempt: attempt === undefined ? undefined : parseCount(attempt, 'attempt'), result };
}

/** A result as JSON, in the order of the original; `reason` and `message` stand before the files. */
export function printResult(result: Result): Record<string, unknown> {
  return {
    ...(result.id !== undefined && { id: result.id }),
    tags: result.tags,
    limits: printLimits(result.limits),
    stats: printStats(result.stats),
    ...(result.result != null && { result: result.result }),
    ...(result.stdout !== undefined && { stdout: result.stdout }),
    ...(result.stderr !== undefined && { stderr: result.stderr }),
    ...(result.reason !== undefined && { reason: result.reason }),
    ...(result.message !== undefined && { message: result.message }),
    files: result.files,
  };
}
