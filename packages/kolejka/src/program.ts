/** One of our programs as a child process: started, heard until it is ready, stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GridError } from '@kolejka/protocol';

/** A program that has not said within this time that it is ready will not. */
const PATIENCE_MS = 60_000;

/** A program that does not get ready has this long to end in order. */
const LAST_MS = 5000;

export type ProgramName = 'server' | 'observer' | 'foreman';

/** Says where a door begins: its source in the workspace, its emitted file in a published package. */
const fileOf = (door: string) => fileURLToPath(import.meta.resolve(door));

/** Published packages hold no sources: the condition would lead there to files that do not exist. */
const CONDITIONS = import.meta.filename.endsWith('.ts') ? ['--conditions=kolejka-source'] : [];

export interface Program {
  name: ProgramName;
  pid: number;
  /** The line on stdout by which it said that it is ready. */
  ready: string;
  /** Resolves when it has ended. */
  ended: Promise<void>;
  /** First ask, then insist: sends SIGTERM each time it is called, and waits for the end. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): void;
}

export interface ProgramOptions {
  args: readonly string[];
  /** Its main file, where that is another than the program's own. */
  entry?: string;
  /** Directory for `<name>.log`, its stderr. */
  logs: string;
  /** Aborted when it is not wanted any more. */
  signal?: AbortSignal | undefined;
}

/**
 * Starts a program and waits for its ready line. It ends when this process does, however that ends.
 * @throws GridError `node-unfit` with its last words when it ends before that, or does not get there
 * @throws the signal's reason when that is aborted before it is ready; it has ended then
 */
export async function startProgram(
  name: ProgramName,
  { args, logs, signal, entry = fileOf(`@kolejka/${name}/program`) }: ProgramOptions,
): Promise<Program> {
  signal?.throwIfAborted();
  const logFile = path.join(logs, `${name}.log`);
  const log = openSync(logFile, 'a', 0o600);
  const { size: said } = fstatSync(log);
  // A process group of its own: Ctrl-C is for us, and we stop the programs in their order.
  const child = spawn(process.execPath, [...CONDITIONS, fileOf('kolejka/guarded'), entry, ...args], {
    stdio: ['ignore', 'pipe', log, 'pipe'],
    detached: true,
  });
  closeSync(log);
  const ended = once(child, 'exit').then(() => undefined);
  const ready = await firstLine(child, ended, signal);
  if (ready === undefined) {
    await endInTime(child, ended);
    signal?.throwIfAborted();
    throw new GridError('node-unfit', `kolejka-${name} did not start: ${await lastWords(logFile, said)}`);
  }
  return programOf(name, child, { ready, ended });
}

/** A child that is ready, as a program of the grid. */
export function programOf(
  name: ProgramName,
  child: ChildProcess,
  { ready, ended }: Pick<Program, 'ready' | 'ended'>,
): Program {
  return {
    name,
    pid: child.pid ?? 0,
    ready,
    ended,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** Undefined when it ended, is not wanted any more, or said nothing for too long. */
async function firstLine(
  child: ChildProcess,
  ended: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (child.stdout === null) return undefined;
  const line = once(createInterface({ input: child.stdout }), 'line').then(([text]) => String(text));
  const done = new AbortController();
  const impatient = AbortSignal.any([done.signal, ...(signal === undefined ? [] : [signal])]);
  const late = sleep(PATIENCE_MS, undefined, { signal: impatient }).catch(() => undefined);
  try {
    return await Promise.race([line, ended.then(() => undefined), late]);
  } finally {
    done.abort();
  }
}

async function endInTime(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), LAST_MS);
  await ended;
  clearTimeout(late);
}

/** The sentence a program ended with is the last line it wrote, behind its name; what stands before `from` said an earlier start. */
async function lastWords(file: string, from: number): Promise<string> {
  const text = (await readFile(file)).subarray(from).toString().trimEnd();
  const sentence = text
    .split('\n')
    .at(-1)
    ?.replace(/^kolejka-\w+: /, '');
  return sentence || 'it ended without a word.';
}
