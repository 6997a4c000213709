/** What came of a run, as fields of its result. */
import {
  type ErrorCode,
  type GridError,
  type Limits,
  printLimit,
  type Reason,
  type Result,
  type Task,
} from '@kolejka/protocol';
import type { Collected } from './collect.ts';
import { exitSignal } from './exit-signal.ts';
import type { RunDisk } from './run-disk.ts';
import type { Ended } from './run-program.ts';

/** Before there is a workspace only these are results, with their reasons: what else is wrong says nothing of the task. */
export const REFUSALS: Partial<Record<ErrorCode, Reason>> = { 'limit-not-kept': 'infrastructure', 'too-large': 'disk' };

/** What the program and the worker say of the end. */
export function describeEnd({ exit, image, reason, message }: Ended): Partial<Result> {
  const signal = exitSignal(exit.code);
  return {
    result: exit.code,
    ...(signal !== undefined && { signal }),
    image,
    reason: reason ?? (signal === undefined ? 'exit' : 'signal'),
    ...(message !== undefined && { message }),
  };
}

/** A program that fails and leaves its part of the disk full has failed for that, as far as one can tell. */
export async function describeDisk(disk: RunDisk, { exit, reason }: Ended, limits: Limits): Promise<Partial<Result>> {
  if (reason === 'disk') return { message: FILLED_NODE };
  const full = await disk.fullLimit();
  if (full === undefined || reason !== undefined || exit.code === 0) return {};
  const bound = printLimit(full, limits[full] ?? 0);
  return { reason: 'disk', message: `What the limit ${full} bounds was full: it is ${bound}.` };
}

const FILLED_NODE =
  "The task left too little of the node's disk: state limits.workspace and limits.storage, and write less than that.";

/** What was collected, on top of what is known already. */
export function describeFiles({ reason, message }: Result, { files, remarks, overflow }: Collected): Partial<Result> {
  const isNatural = reason === 'exit' || reason === 'signal';
  const sentences = [
    ...(message === undefined ? [] : [message]),
    ...(remarks.length > 0 ? [`${remarks.join('; ')}.`] : []),
  ];
  return {
    files,
    ...(overflow && isNatural && { reason: 'disk' }),
    ...(sentences.length > 0 && { message: sentences.join(' ').slice(0, MESSAGE_LENGTH) }),
  };
}

/** As long as a message of a result may be. */
const MESSAGE_LENGTH = 4000;

/** Names of the outputs that the task wanted. */
export function streamsOf({ stdout, stderr }: Task): Partial<Result> {
  return { ...(stdout !== undefined && { stdout }), ...(stderr !== undefined && { stderr }) };
}

/** A run that came to no end of its own, or whose files could not be collected: why, in one sentence. */
export function describeFailure(error: GridError, cancel: AbortSignal): Partial<Result> {
  if (cancel.aborted) return { reason: 'cancelled', message: 'The task was cancelled before its program ran.' };
  const message = error.message.slice(0, MESSAGE_LENGTH);
  return { reason: error.code === 'image-unavailable' ? 'image' : (REFUSALS[error.code] ?? 'infrastructure'), message };
}
