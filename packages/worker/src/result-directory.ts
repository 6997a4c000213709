/** The directory a result is delivered in. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { makeDirectories } from '@kolejka/program';
import { GridError, printResult, type Result, RESULT_FILE } from '@kolejka/protocol';

/**
 * Makes the directory, or empties it when it holds an earlier result. (The original empties whatever is there.)
 * @throws GridError `usage` when it holds something else
 */
export async function openResultDirectory(directory: string): Promise<void> {
  const entries = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw new GridError('usage', `${directory} cannot be the result directory: ${error.message}.`, { cause: error });
  });
  if (entries.length > 0 && !entries.includes(RESULT_FILE)) {
    throw new GridError('usage', `${directory} is not empty and holds no earlier result: name another directory.`);
  }
  for (const entry of entries) await rm(path.join(directory, entry), { recursive: true, force: true });
  await makeDirectories(directory);
}

/** Writes the result as the original does: sorted keys, two spaces, no newline at the end. */
export async function writeResult(directory: string, result: Result): Promise<void> {
  await writeFile(path.join(directory, RESULT_FILE), JSON.stringify(sortKeys(printResult(result)), undefined, 2), {
    mode: 0o640,
  });
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const sorted = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(value).toSorted()) sorted[key] = sortKeys((value as Record<string, unknown>)[key]);
  return sorted;
}
