/** What came of a task. */
import { z } from 'zod';
import { GridError } from './errors.ts';
import { parseFileName } from './file-name.ts';
import { type Files, parseFiles } from './files.ts';
import { TaskId } from './identifiers.ts';
import { type Limits, parseLimits, printLimits } from './limits.ts';
import { checked, parseShape } from './shape.ts';
import { parseCount } from './units.ts';
import type { Stats } from './stats.ts';
import { parseStats, printStats } from './stats-json.ts';

/** Most tags of a node. A bound is looked at before the entries are; those of a body without one take the server's time. */
export const MOST_TAGS = 1000;

/** Most characters of the name and digest of an image. */
export const MOST_IMAGE_NAME = 1000;

interface ReasonRow {
  about: string;
  /** What whoever put the task should do. */
  remedy: string;
}

/** Why a task ended: the first reason wins. */
export const REASONS = {
  exit: {
    about: 'the program ended by itself; `result` is its exit code',
    remedy: 'Nothing when it is 0; else read what the program wrote.',
  },
  signal: {
    about: 'the program was ended by a signal that the worker did not send, named in `signal`',
    remedy: 'Look for the fault in the program: SIGSEGV is a wild pointer, SIGABRT a failed assertion.',
  },
  time: {
    about: 'the time limit was reached and the task was killed',
    remedy: 'Make the program quicker or the limit `time` larger.',
  },
  memory: {
    about: 'the kernel killed a process of the task for memory',
    remedy: 'Let the program use less, or make the limit `memory` larger; files in memory (/dev/shm) count too.',
  },
  pids: {
    about: 'the pids limit was reached and the task was killed',
    remedy: 'Start fewer processes and threads at one time, or make the limit `pids` larger.',
  },
  perf: {
    about: 'the limit on CPU instructions or cycles was reached and the task was killed',
    remedy: 'Let the program do less, or make the limit `perf_instructions` or `perf_cycles` larger.',
  },
  output: {
    about: 'stdout and stderr grew over what the worker keeps',
    remedy: 'Write less there; what is long belongs into a file of the result.',
  },
  disk: {
    about:
      'the program failed on a full workspace or storage, filled the disk of the node, or left more than is collected',
    remedy: 'Write less, or make the limit larger that the message names; what was collected until then is there.',
  },
  cancelled: {
    about: 'the task was cancelled or its lease was lost',
    remedy: 'Put the task again if that was a mistake.',
  },
  image: {
    about: 'the image could not be had or the command could not be started in it',
    remedy: 'Correct `image` or `args`: the message says which of them, and why.',
  },
  infrastructure: {
    about: 'the node failed, not the task',
    remedy: 'Put the task again; tell whoever runs the node what the message says.',
  },
} as const satisfies Record<string, ReasonRow>;

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
  /** What ended the program when it was a signal: `SIGKILL`. A program that exits with a code above 128 looks the same. */
  signal: z
    .string()
    .regex(/^SIG[A-Z\d+]{1,20}$/)
    .optional(),
  /** The image that ran, by its digest, `NAME@sha256:…`, or by its identifier where no registry has given it one. */
  image: z.string().max(MOST_IMAGE_NAME).optional(),
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

/** A result as JSON, in the order of the original; what it does not have stands before the files. */
export function printResult(result: Result): Record<string, unknown> {
  return {
    ...(result.id !== undefined && { id: result.id }),
    tags: result.tags,
    limits: printLimits(result.limits),
    stats: printStats(result.stats),
    ...(result.result != null && { result: result.result }),
    ...(result.stdout !== undefined && { stdout: result.stdout }),
    ...(result.stderr !== undefined && { stderr: result.stderr }),
    ...(result.signal !== undefined && { signal: result.signal }),
    ...(result.image !== undefined && { image: result.image }),
    ...(result.reason !== undefined && { reason: result.reason }),
    ...(result.message !== undefined && { message: result.message }),
    files: result.files,
  };
}
