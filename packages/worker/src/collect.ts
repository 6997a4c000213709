/** Picks the files of a result: what the program wrote to its result directory, what collect rules name, its output. */
import { chmod, chown, constants, copyFile, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { type Collect, type Files, GridError, parseFileName, RESULT_FILE, type Task } from '@kolejka/protocol';
import { matchesGlob, parseGlob } from './glob.ts';
import { STREAM_FILES } from './streams.ts';
import { type FoundFile, TooManyEntries, walkFiles, type WalkLimits } from './walk.ts';
import type { Workspace } from './workspace.ts';

export interface CollectLimits extends WalkLimits {
  /** Most bytes of all files together, by their apparent size. */
  bytes: number;
}

export interface Collected {
  files: Files;
  /** Sentences about what was left out. */
  remarks: string[];
  /** There was more than may be collected; what was picked until then is there. */
  overflow: boolean;
}

const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;
const REMARKS = 10;

/** Thrown inside to stop at the first byte too many. */
class TooManyBytes extends Error {}

/** Moves or copies the result's files into `target`, a directory of ours that no task has seen. */
export async function collectFiles(
  task: Task,
  workspace: Workspace,
  target: string,
  limits: CollectLimits,
): Promise<Collected> {
  const names = new Set<string>();
  const remarks: string[] = [];
  const skipped = (what: string, where: string) => {
    if (remarks.length < REMARKS) remarks.push(`${JSON.stringify(where.slice(0, 200))} was left out: ${what}`);
  };
  const left = { bytes: limits.bytes };
  const pick = async (found: FoundFile, name: string, take: 'move' | 'copy') => {
    try {
      parseFileName(name, 'name');
    } catch (error) {
      if (error instanceof GridError) return skipped('name too long', name);
      throw error;
    }
    left.bytes -= found.stat.size;
    if (left.bytes < 0) throw new TooManyBytes();
    if (await place(found, path.join(target, name), take)) names.add(name);
    else skipped('its place is taken by a directory or file', name);
  };
  let overflow = false;
  try {
    for await (const found of walkFiles(workspace.result, limits, skipped)) {
      // The worker's own record is the result; one that the program forged is not.
      if (found.names.join('/') !== RESULT_FILE) await pick(found, found.names.join('/'), 'move');
    }
    const rules = task.collect.map((rule) => ({ rule, glob: parseGlob(rule.glob) }));
    if (rules.length > 0) {
      for await (const found of walkFiles(workspace.task, limits, skipped)) {
        for (const { rule, glob } of rules) {
          if (matchesGlob(glob, found.names)) await pick(found, nameByRule(rule, found.names), 'copy');
        }
      }
    }
  } catch (error) {
    if (error instanceof TooManyBytes) remarks.push(`the result has more than ${limits.bytes} bytes`);
    else if (error instanceof TooManyEntries)
      remarks.push(`the result has more than ${limits.entries} files and directories`);
    else throw error;
    overflow = true;
  }
  for (const stream of ['stdout', 'stderr'] as const) {
    const name = task[stream];
    if (name === undefined || (stream === 'stderr' && name === task.stdout)) continue;
    await placeStream(path.join(workspace.streams, STREAM_FILES[stream]), path.join(target, name));
    names.add(name);
  }
  return { files: asFiles(names), remarks, overflow };
}

/** Without the first `strip` names, but never without the file's own; below the prefix. */
function nameByRule(rule: Collect, names: readonly string[]): string {
  const kept = names.slice(Math.min(rule.strip, names.length - 1));
  return [...(rule.prefix === '' ? [] : [rule.prefix]), ...kept].join('/');
}

/** False when a directory or file stands in the way. */
async function place(found: FoundFile, to: string, take: 'move' | 'copy'): Promise<boolean> {
  try {
    await mkdir(path.dirname(to), { recursive: true, mode: DIRECTORY_MODE });
    await rm(to, { force: true });
    const moved =
      take === 'move' &&
      (await rename(found.entry, to).then(
        () => true,
        () => false,
      ));
    // Through the descriptor that was checked, not through the name again.
    if (!moved)
      await copyFile(`/proc/self/fd/${found.file.fd}`, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } catch (error) {
    if (['EEXIST', 'ENOTDIR', 'EISDIR', 'ERR_FS_EISDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return false;
    throw error;
  }
  await ownFile(to);
  return true;
}

async function placeStream(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true, mode: DIRECTORY_MODE });
  await rm(to, { force: true, recursive: true });
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
  await ownFile(to);
}

/** Takes away what the program gave the file: owner, set-user-id, everything but reading. */
async function ownFile(file: string): Promise<void> {
  await chown(file, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  await chmod(file, FILE_MODE);
}

function asFiles(names: ReadonlySet<string>): Files {
  const files: Files = Object.create(null) as Files;
  for (const name of [...names].toSorted()) files[name] = { path: name };
  return files;
}
