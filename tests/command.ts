/** Runs one of our command lines as a user does, through its launcher, and keeps what it said. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';

export const ROOT = path.resolve(import.meta.dirname, '..');

export interface Said {
  exit: number | null;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  env?: Record<string, string>;
  cwd?: string;
}

/** Where commands stand that are not named after their package. */
const PACKAGES: Record<string, string> = { kolejka: 'kolejka', 'kolejka-runner': 'observer' };

/** Starts a command such as `kolejka-client` from its package. */
export function startCommand(command: string, args: readonly string[], { env = {}, cwd = ROOT }: CommandOptions = {}) {
  const directory = PACKAGES[command] ?? command.replace('kolejka-', '');
  const launcher = path.join(ROOT, 'packages', directory, 'bin', `${command}.js`);
  // A configuration of whoever runs the tests must not decide what they find.
  const { KOLEJKA_CONFIG_FILE: _file, ...own } = process.env;
  return spawn(process.execPath, [launcher, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...own, XDG_CONFIG_HOME: '/nonexistent', ...env },
    cwd,
  });
}

/** Runs a command to its end. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Said> {
  const child = startCommand(command, args, options);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exit, stdout, stderr };
}
