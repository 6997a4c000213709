/** Tasks: put one from a directory, get one into a directory. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import {
  combineLimits,
  GridError,
  LIMIT_NAMES,
  LIMITS,
  type Limits,
  mapFiles,
  parseTask,
  PASSING,
  printReferences,
  printTask,
  type ReferenceKey,
  type Task,
  TASK_FILE,
  TaskId,
} from '@kolejka/protocol';
import { type Connection, explained, unknownSentence } from './connection.ts';
import { downloadInside } from './download.ts';
import { eachFile } from './each-file.ts';
import { writeSpec } from './spec-file.ts';
import { type LocalFile, makeDirectory, readTaskDirectory } from './task-directory.ts';
import { putBlob } from './upload.ts';

export interface PutTaskOptions {
  /** Ceilings on top of the task's own. */
  limits?: Limits;
  /** A repeated request with the same key makes no second task; without one, each call makes its own. */
  idempotencyKey?: string;
  signal?: AbortSignal | undefined;
  /** Hears what is to be sent, and what of it is done, in bytes. */
  progress?: { total: (files: number, bytes: number) => void; sent: (bytes: number) => void };
}

/** A task as a server has it. */
export type KnownTask = Task & { id: TaskId };

/**
 * Puts the task of a directory on the server; answers the task as the server has it.
 * @throws GridError for what is wrong in the directory, and what the server refuses with
 */
export async function putTask(
  connection: Connection,
  directory: string,
  options: PutTaskOptions = {},
): Promise<KnownTask> {
  const { task, files } = await readTaskDirectory(directory);
  options.progress?.total(
    files.length,
    files.reduce((sum, { size }) => sum + size, 0),
  );
  const references = await putFiles(connection, files, options);
  const { id: _local, ...asked } = task;
  const body = printTask({
    ...asked,
    limits: capLimits(task.limits, options.limits ?? {}),
    files: printReferences(
      mapFiles(task.files, (source, name) => {
        const reference = references.get(name) ?? source.reference;
        return reference === undefined ? {} : { reference };
      }),
    ),
  });
  return await sendTask(connection, body, options);
}

async function putFiles(
  connection: Connection,
  files: readonly LocalFile[],
  { signal, progress }: PutTaskOptions,
): Promise<ReadonlyMap<string, ReferenceKey>> {
  const references = new Map<string, ReferenceKey>();
  await eachFile(files, signal, async ({ name, path: local, reference, size }, either) => {
    if (reference !== undefined && (await isKnown(connection, reference, either))) {
      progress?.sent(size);
      return;
    }
    const made = await putBlob(connection, local, { signal: either, sent: progress?.sent, field: `files.${name}` });
    references.set(name, made.key);
  });
  return references;
}

async function isKnown(connection: Connection, reference: string, signal: AbortSignal): Promise<boolean> {
  try {
    await connection.call('showReference', { params: { key: reference }, signal });
    return true;
  } catch (thrown) {
    if (thrown instanceof GridError && ['not-found', 'not-permitted', 'not-logged-in'].includes(thrown.code))
      return false;
    throw thrown;
  }
}

/** The original knows no Idempotency-Key: there a task is put once, and a broken connection is an error. */
async function sendTask(connection: Connection, body: unknown, options: PutTaskOptions): Promise<KnownTask> {
  const request = {
    body,
    headers: { 'idempotency-key': options.idempotencyKey ?? randomUUID() },
    ...(options.signal !== undefined && { signal: options.signal }),
  };
  try {
    return knownTask(await connection.call('putTask', request));
  } catch (thrown) {
    const isPassing = thrown instanceof GridError && PASSING.has(thrown.code);
    if (!isPassing || !(await connection.hasExtensions().catch(() => false))) throw thrown;
    return knownTask(await connection.call('putTask', { ...request, repeatable: true }));
  }
}

/** Ceilings combined by the table; a `gpus` that the user did not give does not take the task's own away. */
export function capLimits(asked: Limits, given: Limits): Limits {
  const silent = LIMIT_NAMES.filter((name) => LIMITS[name].combine === 'absent wins' && given[name] === undefined);
  const kept = Object.fromEntries(silent.map((name) => [name, asked[name]]).filter(([, value]) => value !== undefined));
  return combineLimits(asked, { ...given, ...(kept as Limits) });
}

/**
 * The task as the server has it, without its files.
 * @throws GridError `not-found`
 */
export async function showTask(connection: Connection, id: string, signal?: AbortSignal): Promise<KnownTask> {
  const unknown = unknownSentence(connection, 'task', id);
  const call = connection.call('getTask', { params: { id }, ...(signal !== undefined && { signal }) });
  return knownTask(await explained(call, { 'not-found': unknown, 'task-unknown': unknown }));
}

/**
 * Writes the task and its files into a directory, as the client that put it had them. Files that are there already are
 * replaced.
 */
export async function getTask(
  connection: Connection,
  id: string,
  directory: string,
  { signal }: { signal?: AbortSignal } = {},
): Promise<KnownTask> {
  const task = await showTask(connection, id, signal);
  await makeDirectory(directory);
  // The specification is the server's record; a file of that name would be written over anyway.
  const files = mapFiles(task.files, (source, name) => ({ path: name, ...source }));
  await eachFile(Object.entries(files), signal, async ([name, { reference }], either) => {
    if (name === TASK_FILE || reference === undefined) return;
    await downloadInside(connection, reference, directory, name, { signal: either });
  });
  await writeSpec(path.join(directory, TASK_FILE), printTask({ ...task, files }));
  return { ...task, files };
}

/** @throws GridError `bad-answer` */
function knownTask(answer: { task: Record<string, unknown> }): KnownTask {
  const task = parseTask(answer.task);
  const id = TaskId.safeParse(task.id);
  if (id.success) return { ...task, id: id.data };
  throw new GridError('bad-answer', 'The server answers a task without an identifier.');
}
