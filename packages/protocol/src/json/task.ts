/** Tasks as JSON. */
import { z } from 'zod';
import { TaskId } from '../identifiers.ts';
import { filesInput, filesPrinted } from './files.ts';
import { limitsInput, limitsPrinted } from './limits.ts';
import { textInput, written } from './quantities.ts';

const SAID = {
  image: 'name of the container image',
  requires: 'tags a foreman must have',
  exclusive: 'to be the only task on its node while it runs',
  priority: 'tasks with a higher one are run first; above 0 it takes the permission task.raise_priority',
  environment: 'variables of the program',
  args: 'the command and its arguments; none is what the image says',
  stdin: 'name of the file the program reads',
  stdout: 'name of the file that takes what the program writes',
  stderr: 'name of the file that takes its errors',
  collect: 'files of the task directory to take into the result',
  glob: 'which files',
  strip: 'how many leading directories their names lose',
  prefix: 'the directory their names gain',
  callback_url: 'where to send task and result when the result is there',
} as const;

/** A task as a caller may put it. What is unknown is dropped, as in the original; an `id` is replaced. */
export function taskInput() {
  const rule = z.looseObject({
    glob: textInput().describe(SAID.glob),
    strip: written().count.nullish().describe(SAID.strip),
    prefix: textInput().nullish().describe(SAID.prefix),
  });
  return z
    .looseObject({
      image: z.string().min(1).max(500).describe(SAID.image),
      requires: z.array(textInput()).nullish().describe(SAID.requires),
      exclusive: written().flag.nullish().describe(SAID.exclusive),
      priority: written().count.nullish().describe(SAID.priority),
      limits: limitsInput('task').nullish(),
      environment: z.record(z.string(), textInput()).nullish().describe(SAID.environment),
      args: z.array(textInput()).nullish().describe(SAID.args),
      stdin: z.string().nullish().describe(SAID.stdin),
      stdout: z.string().nullish().describe(SAID.stdout),
      stderr: z.string().nullish().describe(SAID.stderr),
      files: filesInput().nullish(),
      collect: z.array(rule).nullish().describe(SAID.collect),
      callback_url: z.string().max(2000).nullish().describe(SAID.callback_url),
    })
    .meta({
      id: 'TaskInput',
      description: 'A task to put. The server gives it its id; fields it does not know are dropped.',
    });
}

/** A task as the server prints it. */
export function taskPrinted() {
  const rule = z.object({
    glob: z.string().describe(SAID.glob),
    strip: z.int().positive().optional().describe(SAID.strip),
    prefix: z.string().optional().describe(SAID.prefix),
  });
  return z
    .object({
      id: TaskId,
      image: z.string().describe(SAID.image),
      requires: z.array(z.string()).describe(SAID.requires),
      exclusive: z.literal(true).optional().describe(SAID.exclusive),
      priority: z.int().optional().describe(SAID.priority),
      limits: limitsPrinted(),
      environment: z.record(z.string(), z.string()).describe(SAID.environment),
      args: z.array(z.string()).describe(SAID.args),
      stdin: z.string().optional().describe(SAID.stdin),
      stdout: z.string().optional().describe(SAID.stdout),
      stderr: z.string().optional().describe(SAID.stderr),
      files: filesPrinted(),
      collect: z.array(rule).describe(SAID.collect),
      callback_url: z.string().optional().describe(SAID.callback_url),
    })
    .meta({ id: 'Task', description: 'What is asked, never changed afterwards.' });
}
