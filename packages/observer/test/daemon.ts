/** The real daemon on a socket of its own, and real processes that call it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const BIN = fileURLToPath(new URL('../bin/kolejka-observer.js', import.meta.url));
export const TYPE = 'Content-Type: application/json; charset=utf-8';

export interface Daemon {
  directory: string;
  socket: string;
  process: ChildProcess;
  log(): string;
  /** Ends it; answers its exit status. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  remove(): void;
}

interface DaemonOptions {
  /** Of an earlier one, to start another there. */
  directory?: string;
  /** Without them, it says all and leaves no session behind. */
  args?: string[];
}

/** Starts the daemon and waits until it listens, or has ended. */
export async function startDaemon({
  directory,
  args = ['--debug', '--close-sessions'],
}: DaemonOptions = {}): Promise<Daemon> {
  const at = directory ?? mkdtempSync(path.join(tmpdir(), 'kolejka-observer-'));
  // Other users must reach the socket.
  chmodSync(at, 0o755);
  const socket = path.join(at, 'made', 'socket');
  const all = [BIN, '-s', socket, '--state', path.join(at, 'state'), ...args];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  await new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('"listening"')) resolve();
    });
    void exited.then(() => resolve());
  });
  return {
    directory: at,
    socket,
    process: child,
    log: () => log,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
    remove: () => rmSync(at, { recursive: true, force: true }),
  };
}

/** One request written by hand, and what the first read of the answer gives. */
export async function askRaw(socket: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket, () => connection.write(text));
    connection.on('data', (chunk) => {
      resolve(chunk.toString());
      connection.destroy();
    });
    connection.on('error', reject).on('close', () => resolve(''));
  });
}

export function requestText(target: string, body: object, type = TYPE): string {
  const text = JSON.stringify(body);
  return `POST ${target} HTTP/1.1\r\nHost: observer\r\n${type}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

/** A caller that is a process of its own: each line it hears is a target and a body; it prints the status and the answer. */
export interface OtherCaller {
  pid: number;
  ask(target: string, body: object): Promise<{ status: number; answer: Record<string, string> }>;
  end(): Promise<void>;
}

const CALLER = `
  const { request } = require('node:http');
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const [target, body] = JSON.parse(line);
    const headers = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': Buffer.byteLength(body) };
    request({ socketPath: process.argv[1], path: target, method: 'POST', headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => console.log(JSON.stringify({ status: response.statusCode, answer: JSON.parse(text) })));
    }).end(body);
  });`;

interface CallerOptions {
  uid?: number;
  /** A program and its arguments that starts the caller. */
  within?: string[];
}

export function startCaller(socket: string, { within = [], ...options }: CallerOptions = {}): OtherCaller {
  const [program, ...args] = [...within, process.execPath, '-e', CALLER, socket];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  const exited = new Promise<undefined>((resolve) => child.on('close', () => resolve(undefined)));
  const waiting: ((line: string) => void)[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) waiting.shift()?.(line);
  });
  child.stdin.on('error', () => undefined);
  return {
    pid: child.pid ?? -1,
    async ask(target, body) {
      child.stdin.write(`${JSON.stringify([target, JSON.stringify(body)])}\n`);
      const line = await Promise.race([new Promise<string>((resolve) => waiting.push(resolve)), exited]);
      if (line === undefined) throw new Error(`the caller ended instead of asking ${target}`);
      return JSON.parse(line);
    },
    async end() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Does the process live, not counting those nobody has waited for? */
export function lives(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
