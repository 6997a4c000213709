/** Runs `kolejka-runner` as a user does. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/kolejka-runner.js', import.meta.url));

interface Said {
  exit: number | null;
  stdout: string;
  stderr: string;
  /** The line of --json. */
  json: () => { result: number; reason: string; message?: string; stats: Record<string, never> } & Record<
    string,
    never
  >;
}

export function startRun(socket: string, args: readonly string[], env: Record<string, string> = {}) {
  return spawn(process.execPath, [BIN, '-s', socket, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CONFIG_HOME: '/nonexistent', ...env },
  });
}

export async function run(socket: string, args: readonly string[], env?: Record<string, string>): Promise<Said> {
  const child = startRun(socket, args, env);
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { exit, stdout, stderr, json: () => JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') };
}
