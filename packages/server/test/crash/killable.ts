/** The real server as a process that may be killed before it has come to anything. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = path.join(import.meta.dirname, '../../bin/kolejka-server.js');

export interface Killable {
  pid: number;
  /** Where it listens; undefined when it ended before it did. */
  url: Promise<string | undefined>;
  /** Ends it; answers the exit status, null when the signal killed it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Lines of its log that tell of something of ours that broke. */
  errors: string[];
}

/**
 * @param settings by the names of their environment variables
 * @param before a program that the server is started by, with its arguments
 */
export function startKillable(
  data: string,
  settings: Readonly<Record<string, string>> = {},
  before: readonly string[] = [],
): Killable {
  const { KOLEJKA_SERVER_DATA: _, KOLEJKA_CONFIG_FILE: __, ...env } = process.env;
  const args = [...before, process.execPath, PROGRAM, 'runserver', '127.0.0.1:0', '--data', data];
  const child = spawn(args[0] ?? '', args.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, XDG_CONFIG_HOME: '/nonexistent', ...settings },
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const errors: string[] = [];
  // A line that is no JSON is none of the log: something broke that nobody had thought of.
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('{') || line.includes('"level":"error"')) errors.push(line);
  });
  return {
    pid: child.pid ?? 0,
    errors,
    url: listening(child.stdout),
    async end(signal) {
      child.kill(signal);
      return (await closed)[0];
    },
  };
}

async function listening(output: NodeJS.ReadableStream): Promise<string | undefined> {
  for await (const line of createInterface({ input: output })) {
    const url = /^kolejka-server listens on (http:\/\/\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  return undefined;
}
