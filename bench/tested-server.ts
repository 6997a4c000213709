/** The server under test: the real program, as a process of its own, on a directory on disk. */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createToken, ensureUser } from '@kolejka/server/accounts';
import { startProgram } from 'kolejka';
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

/** What was compiled is kept from one start to the next, as the server's own launcher has it. */
process.env['NODE_COMPILE_CACHE'] ??= path.resolve(
  import.meta.dirname,
  '../packages/server/node_modules/.cache/compiled',
);

/** Starts a server on a data directory. Its log is in `<data>.logs`. */
export async function startServer(data: string, tokens: Tokens): Promise<TestedServer> {
  const logs = `${path.resolve(data)}.logs`;
  await mkdir(logs, { recursive: true });
  const program = await startProgram('server', { args: ['runserver', '127.0.0.1:0', '--data', data], logs });
  later(() => program.kill());
  const ofProcess = (file: string) => readFile(`/proc/${program.pid}/${file}`, 'utf8');
  return {
    url: /http:\S+/.exec(program.ready)?.[0] ?? '',
    tokens,
    stop: () => program.stop(),
    async kill() {
      program.kill();
      await program.ended;
    },
    peakBytes: async () => Number(/^VmHWM:\s+(\d+) kB$/m.exec(await ofProcess('status'))?.[1]) * 1024,
    async cpuMs() {
      // Behind the command's name in brackets stand the state and so on: utime and stime are fields 14 and 15.
      const fields = (await ofProcess('stat')).replace(/^.*\) /s, '').split(' ');
      return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
    },
  };
}

/** The kernel counts time for programs in hundredths of a second, on every machine Linux runs on. */
const MS_PER_TICK = 10;
