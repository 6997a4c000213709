/** A grid of real processes in a temporary directory, for tests that break it. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, openClient, readClientConfig } from '@kolejka/client';
import { parseResult, type Result, RESULT_FILE, type TaskEvent } from '@kolejka/protocol';
import type { ExecutionContext } from 'ava';
import { prepareAccounts, type Program, type ProgramName, startProgram } from 'kolejka';
import { ROOT, runCommand, type Said } from './command.ts';
import { findLeftovers } from '../packages/worker/test/machine.ts';

export const EXAMPLES = path.join(ROOT, 'examples');

export interface TestGrid {
  directory: string;
  address: string;
  configFile: string;
  client: Client;
  /** Starts a foreman under a name of its own, with flags of its own. */
  startForeman: (name: string, ...flags: string[]) => Promise<Program>;
  /** Puts the task of a directory. */
  put: (taskDirectory: string) => Promise<string>;
  /** Waits for the result of a task. */
  wait: (task: string) => Promise<Result>;
  /** Runs `kolejka-client`. */
  command: (...args: string[]) => Promise<Said>;
  /** Executes a task directory with `kolejka-client execute` and reads its result. */
  execute: (taskDirectory: string) => Promise<{ result: Result; text: (name: string) => Promise<string>; said: Said }>;
  events: (task: string) => Promise<TaskEvent[]>;
  /** Stops everything; answers what is still there then. */
  finish: () => Promise<string[]>;
}

/** A server and an observer; foremen are started by the test. */
export async function openGrid(t: ExecutionContext): Promise<TestGrid> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-grid-'));
  const at = (name: string) => path.join(directory, name);
  const programs: Program[] = [];
  const tasks = new Set<string>();
  await mkdir(at('logs'));
  const start = async (name: ProgramName, ...args: string[]) => {
    const program = await startProgram(name, { args, logs: at('logs') });
    programs.push(program);
    return program;
  };
  const stop = async () => {
    for (const program of programs.splice(0).toReversed()) await program.stop();
  };
  t.teardown(async () => {
    for (const program of programs) program.kill();
    if (!t.passed) t.log(await lastLines(at('logs')));
    await rm(directory, { recursive: true, force: true });
  });

  const server = await start('server', 'runserver', '127.0.0.1:0', '--data', at('server'));
  const address = /http:\S+/.exec(server.ready)?.[0] ?? '';
  const configFile = await prepareAccounts(at('server'), address, directory);
  // In a directory of its own: every container sees the directory of the socket.
  const socket = path.join(at('observer'), 'socket');
  await start('observer', '--socket', socket, '--state', at('sessions'), '--close-sessions');
  const client = openClient(readClientConfig({ configFile }, {}, {}));
  let executed = 0;

  const grid: TestGrid = {
    directory,
    address,
    configFile,
    client,
    startForeman: (name, ...flags) =>
      start(
        'foreman',
        '--config-file',
        configFile,
        '--name',
        name,
        '--observer',
        socket,
        '--temp',
        at('runs'),
        '--state',
        at('state'),
        ...flags,
      ),
    async put(taskDirectory) {
      const { id } = await client.putTask(taskDirectory);
      tasks.add(id);
      return id;
    },
    async wait(task) {
      const { result } = await client.waitForResult(task, { signal: AbortSignal.timeout(120_000) });
      return result;
    },
    command: (...args) => runCommand('kolejka-client', ['--config-file', configFile, ...args]),
    async execute(taskDirectory) {
      executed += 1;
      const out = at(`result-${executed}`);
      const said = await grid.command('execute', taskDirectory, out);
      const text = (name: string) => readFile(path.join(out, name), 'utf8');
      const result = parseResult(JSON.parse(await text(RESULT_FILE)));
      if (result.id !== undefined) tasks.add(result.id);
      return { result, text, said };
    },
    async events(task) {
      const events: TaskEvent[] = [];
      for await (const event of client.watch(task)) events.push(event);
      return events;
    },
    async finish() {
      await client.close();
      await stop();
      await rm(directory, { recursive: true, force: true });
      return await findLeftovers({ directories: [directory], tasks: [...tasks] });
    },
  };
  return grid;
}

/** Waits until the condition holds; when it does not come, says what was seen last. */
export async function until<Seen>(
  what: string,
  look: () => Promise<Seen>,
  holds: (seen: Seen) => boolean,
  seconds = 120,
): Promise<Seen> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > end)
      throw new Error(`${what} did not come within ${seconds} s; seen last: ${JSON.stringify(seen)}`);
    await sleep(50);
  }
}

async function lastLines(logs: string): Promise<string> {
  const tails = await Promise.all(
    ['server', 'observer', 'foreman'].map(async (name) => {
      const text = await readFile(path.join(logs, `${name}.log`), 'utf8').catch(() => '');
      return `${name}.log:\n${text.trimEnd().split('\n').slice(-15).join('\n')}`;
    }),
  );
  return tails.join('\n\n');
}
