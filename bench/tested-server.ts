/** The server under test: the real program, as a process of its own, on a directory on disk. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createToken, ensureUser } from '@kolejka/server/accounts';
import { startProgram } from 'kolejka';
import { keepCompiled } from './compiled.ts';
import { cpuMsOf, peakBytesOf } from './process-use.ts';
import { later } from './undo.ts';

/** Tokens of a user who puts tasks and of one whose foremen run them. */
export interface Tokens {
  client: string;
  foreman: string;
}

export interface TestedServer {
  url: string;
  tokens: Tokens;
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<void>;
  /** Ends it at once, as a power cut would, and waits until it has ended. */
  kill(): Promise<void>;
  /** Most memory it ever had resident, in bytes. */
  peakBytes(): Promise<number>;
  /** Time its threads have spent on a CPU, in milliseconds. */
  cpuMs(): Promise<number>;
}

const GROUPS = { client: 'clients', foreman: 'processors' } as const;

/** Makes the users of a data directory; the server need not run. */
export async function prepareUsers(data: string): Promise<Tokens> {
  const token = async (name: keyof typeof GROUPS) => {
    await ensureUser({ data }, { name, password: 'not used', email: `${name}@localhost`, groups: [GROUPS[name]] });
    return createToken({ data }, { name, label: 'bench' });
  };
  return { client: await token('client'), foreman: await token('foreman') };
}

/** Starts a server on a data directory. Its log is in `<data>.logs`. */
export async function startServer(data: string, tokens: Tokens): Promise<TestedServer> {
  keepCompiled();
  const logs = `${path.resolve(data)}.logs`;
  await mkdir(logs, { recursive: true });
  const program = await startProgram('server', { args: ['runserver', '127.0.0.1:0', '--data', data], logs });
  later(() => program.kill());
  return {
    url: /http:\S+/.exec(program.ready)?.[0] ?? '',
    tokens,
    stop: () => program.stop(),
    async kill() {
      program.kill();
      await program.ended;
    },
    peakBytes: async () => peakBytesOf(program.pid),
    cpuMs: async () => cpuMsOf(program.pid),
  };
}
