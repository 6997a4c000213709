/** Results as JSON. */
import { z } from 'zod';
import { TaskId } from '../identifiers.ts';
import { MOST_IMAGE_NAME, MOST_TAGS, REASON_NAMES } from '../result.ts';
import { filesInput, filesPrinted } from './files.ts';
import { limitsInput, limitsPrinted } from './limits.ts';
import { written } from './quantities.ts';
import { statsInput, statsPrinted } from './stats.ts';

const SAID = {
  id: 'the task',
  tags: 'tags of the node it ran on',
  result: 'exit code, 128 + signal when a signal ended the program; absent when it was never started',
  stdout: 'name of the file that has what the program wrote',
  stderr: 'name of the file that has its errors',
  signal: 'what ended the program when it was a signal, such as SIGKILL (not in the original)',
  image: 'the image that ran, by its digest, or by its identifier where it has none (not in the original)',
  reason: 'why the task ended (not in the original)',
  message: 'one sentence for people beside the reason (not in the original)',
  attempt: 'of the lease; a foreman of the original has none',
} as const;

/** A result as a foreman may hand it in. */
export function resultInput() {
  return z
    .looseObject({
      id: TaskId.describe(SAID.id),
      attempt: written().count.optional().describe(SAID.attempt),
      tags: z.array(z.string()).max(MOST_TAGS).optional().describe(SAID.tags),
      limits: limitsInput('budget').nullish(),
      stats: statsInput().nullish(),
      result: z.int().nullish().describe(SAID.result),
      stdout: z.string().nullish().describe(SAID.stdout),
      stderr: z.string().nullish().describe(SAID.stderr),
      signal: z.string().optional().describe(SAID.signal),
      image: z.string().max(MOST_IMAGE_NAME).optional().describe(SAID.image),
      reason: z.enum(REASON_NAMES).optional().describe(SAID.reason),
      message: z.string().max(4000).optional().describe(SAID.message),
      files: filesInput().nullish(),
    })
    .meta({ id: 'ResultInput', description: 'A result to hand in.' });
}

/** A result as the server prints it. */
export function resultPrinted() {
  return z
    .object({
      id: TaskId.describe(SAID.id),
      tags: z.array(z.string()).describe(SAID.tags),
      limits: limitsPrinted(),
      stats: statsPrinted(),
      result: z.int().optional().describe(SAID.result),
      stdout: z.string().optional().describe(SAID.stdout),
      stderr: z.string().optional().describe(SAID.stderr),
      signal: z.string().optional().describe(SAID.signal),
      image: z.string().max(MOST_IMAGE_NAME).optional().describe(SAID.image),
      reason: z.enum(REASON_NAMES).optional().describe(SAID.reason),
      message: z.string().optional().describe(SAID.message),
      files: filesPrinted(),
    })
    .meta({ id: 'Result', description: 'What came of a task, at most one per task.' });
}
