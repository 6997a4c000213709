/** A whole grid on this machine: server, observer and foreman as processes of their own, with what they need. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepareAccounts } from './accounts.ts';
import { type Program, startProgram } from './program.ts';

export interface Grid {
  /** Address of the server. */
  address: string;
  /** kolejka.conf for clients. */
  configFile: string;
  /** Directory of the programs' logs. */
  logs: string;
  /** Directory of the observer's socket; gone after `stop`. */
  sockets: string;
  /** Rejects when one of the programs ends by itself. */
  broken: Promise<never>;
  /** Ends everything: a running task first ends by itself; the second call hands it back. */
  stop(): Promise<void>;
}

export interface GridOptions {
  /** Directory of everything that is kept. */
  data: string;
  /** Where the server listens, `ADDR:PORT`; port 0 is any free one. */
  listen: string;
}

/**
 * Starts the grid.
 * @throws GridError with the sentence of the program that did not start
 */
export async function startGrid({ data, listen }: GridOptions): Promise<Grid> {
  const logs = path.join(data, 'logs');
  await mkdir(logs, { recursive: true, mode: 0o700 });
  // A socket's path may have 107 bytes at most, so it does not go below a data directory of any length.
  const sockets = await mkdtemp(path.join(tmpdir(), 'kolejka-'));
  const socket = path.join(sockets, 'socket');
  const programs: Program[] = [];
  let stopping = false;
  const start = async (...[name, args]: [Program['name'], readonly string[]]) => {
    const program = await startProgram(name, { args, logs });
    programs.push(program);
    return program;
  };
  const stop = async () => {
    stopping = true;
    for (const program of programs.toReversed()) await program.stop();
    await rm(sockets, { recursive: true, force: true });
  };
  try {
    const server = await start('server', ['runserver', listen, '--data', path.join(data, 'server')]);
    const address = /https?:\/\/\S+/.exec(server.ready)?.[0] ?? `http://${listen}`;
    const configFile = await prepareAccounts(path.join(data, 'server'), address, data);
    await start('observer', ['--socket', socket]);
    await start('foreman', ['--config-file', configFile, '--temp', path.join(data, 'runs'), '--observer', socket]);
    const broken = Promise.race(
      programs.map(async ({ name, ended }) => {
        await ended;
        return await new Promise<never>((_resolve, reject) => {
          if (!stopping) reject(new Error(`kolejka-${name} ended by itself; see ${path.join(logs, `${name}.log`)}`));
        });
      }),
    );
    broken.catch(() => undefined);
    return { address, configFile, logs, sockets, broken, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
