/**
 * Our programs as published packages run them: emitted, compiled before the start, with no sources beside them. Types
 * that are stripped from sources at the start would count for memory that no installed program uses.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, open, symlink } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type Program, type ProgramName, programOf } from 'kolejka';
import { runChild } from './child.ts';
import { later } from './undo.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
/** What a package publishes; see its `files`. */
const PUBLISHED = ['package.json', 'bin', 'dist'];

/** Builds a program of ours and lays it out below the directory as npm would. Answers the file to start. */
export async function installProgram(name: ProgramName, directory: string): Promise<string> {
  const [source, target] = [path.join(ROOT, 'packages', name), path.join(directory, 'installed', name)];
  await runChild(path.join(ROOT, 'node_modules/.bin/tsc'), ['--build', source]);
  await mkdir(target, { recursive: true });
  for (const part of PUBLISHED) await cp(path.join(source, part), path.join(target, part), { recursive: true });
  await symlink(path.join(source, 'node_modules'), path.join(target, 'node_modules'));
  return path.join(target, 'bin', `kolejka-${name}.js`);
}

/**
 * Starts it and waits for the line by which it says that it is ready. Its log is `<name>.log` in `logs`.
 * @throws Error when it ends before
 */
export async function startInstalled(
  name: ProgramName,
  file: string,
  { args, logs }: { args: readonly string[]; logs: string },
): Promise<Program> {
  const log = await open(path.join(logs, `${name}.log`), 'a', 0o600);
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', log.fd] });
  later(() => void child.kill('SIGKILL'));
  await log.close();
  const ended = once(child, 'exit').then(() => undefined);
  const ready = await Promise.race([firstLine(child.stdout), ended]);
  if (ready === undefined) throw new Error(`kolejka-${name} did not start: see ${path.join(logs, `${name}.log`)}`);
  return programOf(name, child, { ready, ended });
}

async function firstLine(stdout: Readable | null): Promise<string | undefined> {
  if (stdout === null) return undefined;
  const [line] = (await once(createInterface({ input: stdout }), 'line')) as [string];
  return line;
}
