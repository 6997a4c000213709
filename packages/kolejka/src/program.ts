/** One of our programs as a child process: started, heard until it is ready, stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GridError } from '@kolejka/protocol';

/** A program that has not said within this time that it is ready will not. */
const PATIENCE_MS = 60_000;

export type ProgramName = 'server' | 'observer' | 'foreman';

/** Says where `kolejka-<name>` begins: its source in the workspace, its emitted file in a published package. */
const entryOf = (name: ProgramName) => fileURLToPath(import.meta.resolve(`@kolejka/${name}/program`));

export interface Program {
  name: ProgramName;
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
  /** Directory for `<name>.log`, its stderr. */
  logs: string;
}

/**
 * Starts a program and waits for its ready line.
 * @throws GridError `node-unfit` with its last words when it ends before that, or does not get there
 */
export async function startProgram(name: ProgramName, { args, logs }: ProgramOptions): Promise<Program> {
  const logFile = path.join(logs, `${name}.log`);
  const log = openSync(logFile, 'a', 0o600);
  // A process group of its own: Ctrl-C is for us, and we stop the programs in their order.
  const child = spawn(process.execPath, ['--conditions=kolejka-source', entryOf(name), ...args], {
    stdio: ['ignore', 'pipe', log],
    detached: true,
  });
  closeSync(log);
  const ended = once(child, 'exit').then(() => undefined);
  const ready = await firstLine(child, ended);
  if (ready === undefined) {
    child.kill('SIGKILL');
    throw new GridError('node-unfit', `kolejka-${name} did not start: ${await lastWords(logFile)}`);
  }
  return {
    name,
    ready,
    ended,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

/** Undefined when it ended, or said nothing for too long. */
async function firstLine(child: ChildProcess, ended: Promise<void>): Promise<string | undefined> {
  if (child.stdout === null) return undefined;
  const line = once(createInterface({ input: child.stdout }), 'line').then(([text]) => String(text));
  const patience = new AbortController();
  const late = sleep(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
  try {
    return await Promise.race([line, ended.then(() => undefined), late]);
  } finally {
    patience.abort();
  }
}

/** The sentence a program ended with is the last line it wrote. */
async function lastWords(file: string): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return lines.at(-1) ?? 'it said nothing';
}
