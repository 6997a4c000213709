/** Results: get one into a directory; hand one in, as a foreman does. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import {
  type Files,
  GridError,
  parseResult,
  printReferences,
  printResult,
  type ReferenceKey,
  type Result,
  RESULT_FILE,
  TaskId,
} from '@kolejka/protocol';
import { type Connection, explained, unknownSentence } from './connection.ts';
import { downloadInside } from './download.ts';
import { eachFile } from './each-file.ts';
import { writeSpec } from './spec-file.ts';
import { makeDirectory } from './task-directory.ts';
import { putBlob } from './upload.ts';

/** A result as a server has it. */
export interface KnownResult {
  result: Result & { id: TaskId };
  /** The server's JSON, with whatever it says beyond what this version knows. */
  json: Record<string, unknown>;
}

/**
 * The result of a task, without its files.
 * @throws GridError `not-found` as long as there is none, `task-unknown`, `task-failed`, `task-cancelled`
 */
export async function showResult(connection: Connection, id: string, signal?: AbortSignal): Promise<KnownResult> {
  const unknown = unknownSentence(connection, 'task', id);
  const call = connection.call('getResult', { params: { id }, ...(signal !== undefined && { signal }) });
  const { result: json } = await explained(call, {
    'not-found': `Task ${id} has no result yet.`,
    'task-unknown': unknown,
  });
  const result = parseResult(json);
  return { result: { ...result, id: result.id ?? TaskId.parse(id) }, json };
}

/**
 * Writes a result and its files into a directory: files of the same names are replaced, others are left alone.
 * `kolejka_result.json` is written last, so where it is, the result is whole.
 * @throws GridError `bad-answer` when a file's name leads out of the directory
 */
export async function saveResult(
  connection: Connection,
  { result, json }: KnownResult,
  directory: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await makeDirectory(directory);
  const spec = path.join(directory, RESULT_FILE);
  await rm(spec, { force: true });
  await eachFile(Object.entries(result.files), signal, async ([name, { reference }], either) => {
    // A file that calls itself the result is not: what the server says is.
    if (name === RESULT_FILE || reference === undefined) return;
    await downloadInside(connection, reference, directory, name, { signal: either });
  });
  await writeSpec(spec, { ...json, files: withPaths(result.files) });
}

/** `showResult` and `saveResult` in one. */
export async function getResult(
  connection: Connection,
  id: string,
  directory: string,
  options: { signal?: AbortSignal } = {},
): Promise<KnownResult> {
  const known = await showResult(connection, id, options.signal);
  await saveResult(connection, known, directory, options);
  return known;
}

function withPaths(files: Files): Files {
  const named = Object.create(null) as Files;
  for (const [name, { reference }] of Object.entries(files)) {
    if (name !== RESULT_FILE) named[name] = { path: name, ...(reference !== undefined && { reference }) };
  }
  return named;
}

/**
 * Hands in a result: its files are sent from the directory, then the result with their references.
 * @param attempt of the lease; a foreman that lost it is refused with `stale-lease`
 * @throws GridError `stale-lease`, `already-resolved`: drop the task
 */
export async function putResult(
  connection: Connection,
  result: Result,
  directory: string,
  attempt?: number,
  { signal }: { signal?: AbortSignal } = {},
): Promise<void> {
  const put = async (name: string, either: AbortSignal): Promise<readonly [string, ReferenceKey]> => {
    const { path: local, reference } = result.files[name] ?? {};
    if (local === undefined && reference !== undefined) return [name, reference];
    if (local === undefined) {
      throw new GridError('bad-value', `files.${name}: needs a path or a reference.`, { field: `files.${name}` });
    }
    // Programs of strangers made these files: a link would send a file of this machine.
    const made = await putBlob(connection, path.resolve(directory, local), {
      signal: either,
      links: 'refuse',
      field: `files.${name}`,
    });
    return [name, made.key];
  };
  const sent = await eachFile(Object.keys(result.files), signal, put);
  const files = Object.create(null) as Files;
  for (const [name, reference] of sent) {
    files[name] = { reference };
  }
  const body = {
    ...printResult({ ...result, files: printReferences(files) }),
    ...(attempt !== undefined && { attempt }),
  };
  await connection.call('putResult', { body, ...(signal !== undefined && { signal }) });
}
