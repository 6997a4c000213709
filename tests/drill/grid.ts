/** The grid of a drill: a server and three foremen as real processes, each foreman behind a proxy of its own. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Client, openClient, readClientConfig } from '@kolejka/client';
import { prepareAccounts, startProgram } from 'kolejka';
import { parseConfFile } from '@kolejka/program';
import { openProxy, type Proxy } from './proxy.ts';
import { startVictim, type Victim } from './victim.ts';

/** What runs the tasks: the worker with the real engine, or plain processes. */
export const KINDS = ['docker', 'process'] as const;
export type Kind = (typeof KINDS)[number];

export const FOREMEN = ['one', 'two', 'three'] as const;

export interface DrillGrid {
  server: Victim;
  foremen: Record<(typeof FOREMEN)[number], Victim>;
  /** Between each foreman, and the client, and the server. */
  proxies: Record<(typeof FOREMEN)[number] | 'client', Proxy>;
  client: Client;
  /** Database of the server. */
  database: string;
  /** Logs of the foremen. */
  logs: readonly string[];
  /** Ends everything in order. */
  stop(): Promise<void>;
  /** Ends everything at once; for when the drill is broken off. */
  abandon(): void;
}

/** A lease as short as a server allows: what is frozen for longer has lost its tasks. */
export const LEASE_MS = 5000;

const PROCESS_FOREMAN = path.join(import.meta.dirname, 'process-foreman.ts');

/** Few at a time where each is a container. */
const AT_ONCE = { docker: 2, process: 6 } as const;

/** @param directory empty, and removed by its owner */
export async function openDrillGrid(directory: string, kind: Kind, signal: AbortSignal): Promise<DrillGrid> {
  const at = (...names: string[]) => path.join(directory, ...names);
  const undo: (() => void)[] = [];
  const serverConf = at('server.conf');
  await writeFile(serverConf, `[server]\nlease = ${LEASE_MS / 1000}s\n`);
  await mkdir(at('logs'));
  let port = 0;
  try {
    const server = await startVictim(
      {
        name: 'server',
        args: ['--config-file', serverConf, 'runserver', '127.0.0.1:0', '--data', at('server')],
        logs: at('logs', 'server'),
      },
      signal,
      (line) => void (port = Number(/:(\d+)$/.exec(line)?.[1])),
    );
    undo.push(() => server.abandon());
    const open = async () => {
      const proxy = await openProxy(() => port);
      undo.push(() => proxy.close());
      return proxy;
    };
    const proxies = { one: await open(), two: await open(), three: await open(), client: await open() };
    const configFile = await prepareAccounts(at('server'), proxies.client.address, directory);
    const token =
      parseConfFile(await readFile(configFile, 'utf8'), configFile)
        .get('foreman')
        ?.get('token') ?? '';

    const socket = at('observer', 'socket');
    const observer =
      kind === 'docker'
        ? await startProgram('observer', {
            args: ['--socket', socket, '--state', at('sessions'), '--close-sessions'],
            logs: at('logs'),
            signal,
          })
        : undefined;
    undo.push(() => observer?.kill());

    const startForeman = async (name: (typeof FOREMEN)[number]) => {
      const conf = at(`${name}.conf`);
      const values = {
        server: proxies[name].address,
        token,
        name,
        temp: at('runs', name),
        state: at('state'),
        observer: socket,
        concurency: AT_ONCE[kind],
        cpus: AT_ONCE[kind],
        auto_tags: false,
      };
      const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}\n`);
      await writeFile(conf, `[foreman]\n${lines.join('')}`, { mode: 0o600 });
      const logs = at('logs', name);
      const start =
        kind === 'docker' ? { args: ['--config-file', conf], logs } : { args: [conf], entry: PROCESS_FOREMAN, logs };
      const foreman = await startVictim({ name: 'foreman', ...start }, signal, () => undefined);
      undo.push(() => foreman.abandon());
      return foreman;
    };
    const foremen = {
      one: await startForeman('one'),
      two: await startForeman('two'),
      three: await startForeman('three'),
    };
    const client = openClient(readClientConfig({ configFile }, {}, {}));
    return {
      server,
      foremen,
      proxies,
      client,
      database: at('server', 'kolejka.sqlite'),
      logs: FOREMEN.map((name) => at('logs', name, 'foreman.log')),
      async stop() {
        await client.close();
        await Promise.all(Object.values(foremen).map((foreman) => foreman.stop()));
        await observer?.stop();
        await server.stop();
        for (const proxy of Object.values(proxies)) proxy.close();
      },
      abandon: () => {
        for (const end of undo.toReversed()) end();
      },
    };
  } catch (error) {
    for (const end of undo.toReversed()) end();
    throw error;
  }
}
