/** A whole grid on this machine: server, observer and foreman as processes of their own, with what they need. */
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import { prepareAccounts } from './accounts.ts';
import { makeDirectory, requireRoot } from './fitness.ts';
import { type Program, startProgram } from './program.ts';
import { openSockets } from './sockets.ts';

export interface Grid {
  /** Address of the server. */
  address: string;
  /** kolejka.conf for clients. */
  configFile: string;
  /** Directory of the programs' logs. */
  logs: string;
  /** Directory of the observer's socket; gone after `stop`. */
  sockets: string;
  /** Rejects with `node-unfit` when one of the programs ends by itself. */
  broken: Promise<never>;
  /** Ends everything: a running task first ends by itself; the second call hands it back. */
  stop(): Promise<void>;
}

export interface GridOptions {
  /** Directory of everything that is kept; also the server's data directory, for `kolejka-server` beside the grid. */
  data: string;
  /** Where the server listens, `ADDR:PORT`; port 0 is any free one. */
  listen: string;
  /** Aborted when the grid is not wanted any more before it is up. */
  signal?: AbortSignal;
}

/**
 * Starts the grid.
 * @throws GridError with the sentence of the program that did not start, or what this user or directory lacks
 * @throws the signal's reason when that is aborted before the grid is up; everything has ended then
 */
export async function startGrid({ data, listen, signal }: GridOptions): Promise<Grid> {
  const logs = path.join(data, 'logs');
  requireRoot();
  await makeDirectory(logs);
  const opened: (() => Promise<void>)[] = [];
  const programs: Program[] = [];
  let stopping = false;
  const start = async (...[name, args]: [Program['name'], readonly string[]]) => {
    const program = await startProgram(name, { args, logs, signal });
    programs.push(program);
    opened.push(() => program.stop());
    return program;
  };
  const stop = async () => {
    stopping = true;
    for (const close of opened.toReversed()) await close();
  };
  try {
    const server = await start('server', ['runserver', listen, '--data', data]);
    const address = /https?:\/\/\S+/.exec(server.ready)?.[0] ?? `http://${listen}`;
    const configFile = await prepareAccounts(data, address, data);
    // Not before the server runs: it has made sure that nobody else works on these data.
    const sockets = await openSockets(data);
    opened.push(() => sockets.remove());
    const sessions = path.join(data, 'observer');
    await start('observer', ['--socket', sockets.observer, '--state', sessions, '--close-sessions']);
    const temp = path.join(data, 'runs');
    const state = path.join(data, 'foreman');
    const places = ['--temp', temp, '--state', state, '--observer', sockets.observer];
    await start('foreman', ['--config-file', configFile, ...places]);
    signal?.throwIfAborted();
    const broken = Promise.race(
      programs.map(async ({ name, ended }) => {
        await ended;
        return await new Promise<never>((_resolve, reject) => {
          if (stopping) return;
          const log = path.join(logs, `${name}.log`);
          reject(new GridError('node-unfit', `kolejka-${name} ended by itself: ${log} says why.`));
        });
      }),
    );
    broken.catch(() => undefined);
    return { address, configFile, logs, sockets: sockets.directory, broken, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
