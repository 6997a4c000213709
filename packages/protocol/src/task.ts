/** What to run. */
import { z } from 'zod';
import { GridError } from './errors.ts';
import { parseFileName, RESULT_FILE } from './file-name.ts';
import { type Files, parseFiles } from './files.ts';
import { TaskId } from './identifiers.ts';
import { type Limits, parseLimits, printLimits } from './limits.ts';
import { checked, parseShape } from './shape.ts';
import { parseCount, parseFlag } from './units.ts';

/** A collect rule picks files of the task directory into the result: which, without how many leading directories, under which directory. */
export interface Collect {
  glob: string;
  strip: number;
  prefix: string;
}

/** The kernel takes no longer text as an argument or a variable (MAX_ARG_STRLEN, include/uapi/linux/binfmts.h). */
const LONGEST_TEXT = 128 * 1024;
const LONGEST_TAG = 200;

/** Most entries of each list: who waits in the queue is looked at for every foreman that asks. */
const MOST = { requires: 64, args: 10_000, environment: 1000, collect: 100 } as const;

const MOST_FILES = 20_000;

/** What the original turns into a text with Python's `str()`; null, lists and objects are refused here. */
function parseText(value: unknown, field: string): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') throw new GridError('bad-value', `${field}: expected a text`, { field });
  if (text.includes('\0') || !text.isWellFormed()) {
    throw new GridError('bad-value', `${field}: a text with a NUL or half a character cannot be passed on`, { field });
  }
  if (text.length > LONGEST_TEXT) {
    throw new GridError('bad-value', `${field}: longer than ${LONGEST_TEXT} characters`, { field });
  }
  return text;
}

function refuseMore(entries: number, field: keyof typeof MOST): void {
  if (entries <= MOST[field]) return;
  throw new GridError('bad-value', `${field}: ${entries} entries, at most ${MOST[field]} are possible`, { field });
}

function parseTag(value: unknown, field: string): string {
  const tag = parseText(value, field);
  if (tag.length <= LONGEST_TAG) return tag;
  throw new GridError('bad-value', `${field}: longer than ${LONGEST_TAG} characters`, { field });
}

function parseList<Item>(
  value: unknown,
  field: keyof typeof MOST,
  parse: (item: unknown, field: string) => Item,
): Item[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new GridError('bad-value', `${field}: expected a list`, { field });
  refuseMore(value.length, field);
  return value.map((item, index) => parse(item, `${field}.${index}`));
}

function parseEnvironment(value: unknown, field: string): Record<string, string> {
  const environment = Object.create(null) as Record<string, string>;
  if (value === undefined || value === null) return environment;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new GridError('bad-value', `${field}: expected an object of names and values`, { field });
  }
  const variables = Object.entries(value);
  refuseMore(variables.length, 'environment');
  for (const [name, text] of variables) {
    const at = `${field}.${name.slice(0, 80)}`;
    if (name === '' || /[=\0]/.test(name) || !name.isWellFormed())
      throw new GridError('bad-value', `${at}: not a name of a variable`, { field: at });
    environment[name] = parseText(text, at);
  }
  return environment;
}

function parseCollect(value: unknown, field: string): Collect {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GridError('bad-value', `${field}: expected an object with a glob`, { field });
  }
  const { glob, strip, prefix } = value as Record<string, unknown>;
  const rule = {
    glob: parseFileName(parseText(glob, `${field}.glob`).replace(/^\.\//, ''), `${field}.glob`),
    strip: strip === undefined || strip === null ? 0 : parseCount(strip, `${field}.strip`),
    prefix: prefix === undefined || prefix === null ? '' : trimSlashes(parseText(prefix, `${field}.prefix`)),
  };
  if (rule.strip < 0) throw new GridError('bad-value', `${field}.strip: less than 0`, { field: `${field}.strip` });
  if (rule.prefix !== '') parseFileName(rule.prefix, `${field}.prefix`);
  return rule;
}

/** By hand: a regular expression for the end tries again from each of many slashes. */
function trimSlashes(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && text[start] === '/') start += 1;
  while (end > start && text[end - 1] === '/') end -= 1;
  return text.slice(start, end);
}

const optionalName = (field: string) =>
  checked(
    (value) => (value === undefined || value === null || value === '' ? undefined : parseStreamName(value, field)),
    field,
  ).optional();

function parseStreamName(value: unknown, field: string): string {
  const name = parseFileName(value, field);
  if (name.split('/', 1)[0] !== RESULT_FILE) return name;
  throw new GridError('bad-value', `${field}: ${RESULT_FILE} is the result itself`, { field });
}

/** Priorities are from minus this to this. */
export const HIGHEST_PRIORITY = 100;

function parsePriority(value: unknown): number {
  const priority = parseCount(value, 'priority');
  if (Math.abs(priority) <= HIGHEST_PRIORITY) return priority;
  throw new GridError(
    'bad-value',
    `priority: ${priority} is not between -${HIGHEST_PRIORITY} and ${HIGHEST_PRIORITY}`,
    {
      field: 'priority',
    },
  );
}

function parseArguments(value: unknown): string[] {
  const args = parseList(value, 'args', parseText);
  if (args[0] === '') throw new GridError('bad-value', 'args.0: the command is empty', { field: 'args.0' });
  return args;
}

/**
 * A task is what is asked, never changed afterwards.
 *
 * Fields the table does not know are dropped, as the original does: its clients send some.
 * @word task
 */
export const Task = z.object({
  id: TaskId.optional(),
  image: z
    .string({ error: 'Expected the name of a container image' })
    .min(1, 'Expected the name of a container image')
    .max(500),
  requires: checked((value) => parseList(value, 'requires', parseTag), 'requires'),
  exclusive: checked(
    (value) => (value === undefined || value === null ? false : parseFlag(value, 'exclusive')),
    'exclusive',
  ),
  /** Tasks with a higher one are run first; ours, the original has none. */
  priority: checked((value) => (value === undefined || value === null ? 0 : parsePriority(value)), 'priority'),
  limits: checked((value): Limits => parseLimits(value), 'limits'),
  environment: checked((value) => parseEnvironment(value, 'environment'), 'environment'),
  args: checked(parseArguments, 'args'),
  stdin: optionalName('stdin'),
  stdout: optionalName('stdout'),
  stderr: optionalName('stderr'),
  files: checked((value): Files => parseFiles(value, 'files', MOST_FILES), 'files'),
  collect: checked((value) => parseList(value, 'collect', parseCollect), 'collect'),
  callback_url: z.string().max(2000).nullish(),
});
export type Task = z.infer<typeof Task>;

/**
 * A task from JSON.
 * @throws GridError `bad-value` naming the field
 */
export function parseTask(value: unknown): Task {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new GridError('bad-value', 'a task is one JSON object');
  }
  // The server gives the id; one that a client made up is replaced, so it need not be well-formed.
  const { id, ...rest } = value as Record<string, unknown>;
  const task = parseShape(Task, rest);
  const known = TaskId.safeParse(id);
  return known.success ? { ...task, id: known.data } : task;
}

/** A task as JSON, in the order of the original: fields that say nothing are left out where it leaves them out. */
export function printTask(task: Task): Record<string, unknown> {
  return {
    ...(task.id !== undefined && { id: task.id }),
    image: task.image,
    requires: task.requires,
    ...(task.exclusive && { exclusive: true }),
    ...(task.priority !== 0 && { priority: task.priority }),
    limits: printLimits(task.limits),
    environment: task.environment,
    args: task.args,
    ...(task.stdin !== undefined && { stdin: task.stdin }),
    ...(task.stdout !== undefined && { stdout: task.stdout }),
    ...(task.stderr !== undefined && { stderr: task.stderr }),
    files: task.files,
    collect: task.collect.map(({ glob, strip, prefix }) => ({
      glob,
      ...(strip > 0 && { strip }),
      ...(prefix !== '' && { prefix }),
    })),
    ...(task.callback_url != null && { callback_url: task.callback_url }),
  };
}
