/** The real program `kolejka-server`, as a process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';

const PROGRAM = path.join(import.meta.dirname, '..', 'bin', 'kolejka-server.js');

/** Settings of the server, by the names of their environment variables. */
type Environment = Readonly<Record<string, string>>;

function start(args: readonly string[], settings: Environment = {}): ChildProcess {
  const { KOLEJKA_SERVER_DATA: _, KOLEJKA_CONFIG_FILE: __, ...env } = process.env;
  return spawn(process.execPath, [PROGRAM, ...args], { env: { ...env, XDG_CONFIG_HOME: '/nonexistent', ...settings } });
}

export interface Ended {
  exit: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. */
export function run(...args: string[]): Promise<Ended> {
  return runWith('', ...args);
}

/** Runs a command to its end, which may read a text. */
export async function runWith(input: string, ...args: string[]): Promise<Ended> {
  const child = start(args);
  // It may end without having read anything.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  const [exit] = (await once(child, 'close')) as [number | null];
  return { exit, stdout, stderr };
}

export interface RunningServer {
  url: string;
  /** Sends a signal that does not end it. */
  signal: (signal: NodeJS.Signals) => void;
  /** Answers the exit status, null when the signal killed it. */
  end: (signal: NodeJS.Signals) => Promise<number | null>;
}

/** Starts a server and waits until it listens. Killed at the end of the test if it still runs. */
export async function runServer(
  t: ExecutionContext,
  data: string,
  address = '127.0.0.1:0',
  settings: Environment = {},
): Promise<RunningServer> {
  const child = start(['runserver', address, '--data', data], settings);
  const closed = once(child, 'close') as Promise<[number | null]>;
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return (await closed)[0];
  };
  t.teardown(() => end('SIGKILL'));
  let stderr = '';
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const url = /^kolejka-server listens on (http:\/\/\S+)$/.exec(line)?.[1];
    if (url !== undefined) return { url, end, signal: (signal) => void child.kill(signal) };
  }
  throw new Error(`the server ended before it listened: ${stderr}`);
}

export async function temporary(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-program-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
