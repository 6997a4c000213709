/** The real server as a process of its own, on a directory that outlives it: it can be killed and started again. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Scope, temporary } from './listen.ts';

const MAIN = fileURLToPath(new URL('../../server/src/main.ts', import.meta.url));
const NODE = [...process.execArgv.filter((flag) => flag.startsWith('--conditions')), MAIN];

export const USERS = { alice: '--clients', node1: '--processors' } as const;
export const PASSWORD = 'correct horse';

export interface RealServer {
  address: string;
  /** SIGKILL, in the middle of whatever it does. */
  kill: () => Promise<void>;
  /** On the same port and directory. */
  restart: () => Promise<void>;
  /** A token that stands for the user. */
  makeToken: (user: string) => string;
}

/** A server with the users above; ended after the test. */
export async function startServer(t: Scope): Promise<RealServer> {
  const data = path.join(temporary(t), 'server');
  let child: ChildProcess | undefined;

  async function start(port: string): Promise<string> {
    child = spawn(process.execPath, [...NODE, 'runserver', `127.0.0.1:${port}`, '--data', data], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], XDG_CONFIG_HOME: data, HOME: data },
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    for await (const chunk of child.stdout ?? []) {
      const address = /http:\/\/[\d.:]+/.exec(String(chunk))?.[0];
      if (address === undefined) continue;
      // What it says later is not wanted, but must not fill the pipe.
      child.stdout?.resume();
      return address;
    }
    throw new Error(`the server has ended: ${said}`);
  }
  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  const address = await start('0');
  t.teardown(kill);
  const administer = (...args: string[]) =>
    execFileSync(process.execPath, [...NODE, ...args, '--data', data], { encoding: 'utf8' });
  for (const [name, group] of Object.entries(USERS)) {
    administer('adduser', name, PASSWORD, '--email', `${name}@grid.example`, group);
  }
  return {
    address,
    kill,
    restart: async () => {
      await start(new URL(address).port);
    },
    makeToken: (user) => administer('token', 'create', user).trim(),
  };
}
