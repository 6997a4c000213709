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
  /** Most characters of all names together, as JSON writes them: the result must not grow over what a server takes. */
  names: number;
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
/** As many remarks, of names cut to so many characters, as a message has room for, however they are escaped. */
const REMARKS = 8;
const REMARK_NAME = 60;

/** Thrown inside to stop at the first byte or name too many; the message is the remark. */
class TooMuch extends Error {}

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
    if (remarks.length < REMARKS) remarks.push(`${JSON.stringify(where.slice(0, REMARK_NAME))} was left out: ${what}`);
  };
  // The output comes first: whatever the program has called its files, it does not take the place of its output.
  for (const name of await placeStreams(task, workspace, target)) names.add(name);
  const streams = new Set(names);
  const left = { bytes: limits.bytes, names: limits.names };

  const pick = async (found: FoundFile, name: string, take: 'move' | 'copy') => {
    // The worker's own record is the result; one that the program forged is not.
    if (streams.has(name) || name.split('/', 1)[0] === RESULT_FILE) return;
    if (!isFileName(name)) return skipped('name too long', name);
    left.bytes -= found.stat.size;
    if (left.bytes < 0) throw new TooMuch(`the result has more than ${limits.bytes} bytes`);
    // Both directories are walked, and rules may name one file several times: what was walked bounds no names.
    if (names.size >= limits.entries) throw new TooMuch(`the result has more than ${limits.entries} files`);
    left.names -= JSON.stringify(name).length;
    if (left.names < 0) throw new TooMuch('the names of the result are too many and too long');
    if (await place(found, path.join(target, name), take)) names.add(name);
    else skipped('its place is taken by a directory or file', name);
  };
  let overflow = false;
  try {
    for await (const found of walkFiles(workspace.result, limits, skipped)) {
      await pick(found, found.names.join('/'), 'move');
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
    if (error instanceof TooMuch) remarks.push(error.message);
    else if (error instanceof TooManyEntries) {
      remarks.push(`the result has more than ${limits.entries} files and directories`);
    } else throw error;
    overflow = true;
  }
  return { files: asFiles(names), remarks, overflow };
}

function isFileName(name: string): boolean {
  try {
    return parseFileName(name, 'name') === name;
  } catch (error) {
    if (error instanceof GridError) return false;
    throw error;
  }
}

/** Puts stdout and stderr where the task wants them; answers their names. */
async function placeStreams(task: Task, workspace: Workspace, target: string): Promise<string[]> {
  const placed: string[] = [];
  for (const stream of ['stdout', 'stderr'] as const) {
    const name = task[stream];
    if (name === undefined || placed.includes(name)) continue;
    await placeStream(path.join(workspace.streams, STREAM_FILES[stream]), path.join(target, name));
    placed.push(name);
  }
  return placed;
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
