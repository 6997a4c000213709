/** Requests about what a task prints while it runs: its foreman says it, whoever may see the task reads it. */
import { z } from 'zod';
import { ForemanName } from '../identifiers.ts';
import { FINAL_STATES, type State, STATES } from '../life.ts';
import { byTask, type Route } from './route.ts';

/** So many bytes at the end of each output are kept while the task runs; its result has all of it. */
export const KEPT_OUTPUT_BYTES = 64 * 1024;

/** Longest wait for more, in seconds. */
const LONGEST_OUTPUT_WAIT = 30;

const bytes = z.base64().max(Math.ceil(KEPT_OUTPUT_BYTES / 3) * 4);

/** Bytes of one output, and where in it they begin. */
export const OutputPart = z.object({
  stream: z.enum(['stdout', 'stderr']).describe('where both go into one file, all of it is `stdout`'),
  at: z.int().nonnegative().describe('how many bytes of this output came before'),
  bytes: bytes.describe('the bytes, in base64: they may end within a character'),
});
export type OutputPart = z.infer<typeof OutputPart>;

const seen = (stream: string) =>
  z.coerce.number().int().nonnegative().default(0).describe(`how many bytes of ${stream} the caller has`);

export const OUTPUT_ROUTES = {
  putOutput: {
    method: 'POST',
    path: '/task/output/:id/',
    may: 'task.process_task',
    params: byTask,
    body: z.object({
      foreman: ForemanName,
      attempt: z.int().positive(),
      parts: z.array(OutputPart).max(2),
    }),
    answer: z.object({ kept: z.literal(true) }),
    repeatable: true,
    errors: ['not-found', 'stale-lease', 'bad-value'],
    extension: true,
    about: 'Says what a task that runs has printed. A foreman that lost its lease is refused with 409.',
  },
  showOutput: {
    method: 'GET',
    path: '/task/output/:id/',
    may: 'user',
    waits: true,
    params: byTask,
    query: z.object({
      attempt: z.coerce
        .number()
        .int()
        .nonnegative()
        .default(0)
        .describe('the attempt that the counts are of; of another one all that there is is answered'),
      stdout: seen('stdout'),
      stderr: seen('stderr'),
      wait: z.coerce
        .number()
        .min(0)
        .max(LONGEST_OUTPUT_WAIT)
        .default(0)
        .describe('seconds to wait for more, or for the end of the task'),
    }),
    answer: z.object({
      state: z.enum(Object.keys(STATES) as [State, ...State[]]),
      ended: z.boolean().describe(`the task is ${FINAL_STATES.join(', ')}: there is no more here, see its result`),
      attempt: z.int().nonnegative(),
      parts: z.array(OutputPart).describe('what the caller does not have, as far as it is kept'),
    }),
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    extension: true,
    about: 'What a task that runs has printed of late, 64 KiB of each output; once it has ended its result has it.',
  },
} as const satisfies Record<string, Route>;
