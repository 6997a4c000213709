/** Foremen under test: real processes, each for tasks that ask for it by a tag of its own. */
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { type Program, startProgram } from 'kolejka';
import { keepCompiled } from './compiled.ts';
import { installProgram, startInstalled } from './installed.ts';
import type { TestedServer } from './tested-server.ts';
import { later } from './undo.ts';

/** Foremen that have the places for so many tasks at one time. */
export interface TestedForemen {
  /** Theirs alone. */
  tag: string;
  places: number;
  programs: Program[];
}

const REMOVE_RUNS = path.join(import.meta.dirname, 'remove-runs.ts');
/** Runs tasks as plain processes; see docs/drill.md. */
const PROCESS_FOREMAN = path.resolve(import.meta.dirname, '../tests/drill/process-foreman.ts');

/** As many foremen as it takes: each task has a CPU of its node for itself, and each foreman takes the machine for its node. */
export async function startForemen(directory: string, server: TestedServer, places: number): Promise<TestedForemen> {
  const tag = `places-${places}`;
  const programs: Program[] = [];
  for (let left = places; left > 0; left -= availableParallelism()) {
    const name = `${tag}-${programs.length + 1}`;
    const own = Math.min(left, availableParallelism());
    const { conf, logs, temp } = await writeConf(directory, server, { name, tags: tag, concurency: own });
    later(() => void spawnSync(process.execPath, ['--conditions=kolejka-source', REMOVE_RUNS, temp]));
    programs.push(await startInstalled('foreman', await installed(directory), { args: ['--config-file', conf], logs }));
  }
  return { tag, places, programs };
}

/** Laid out once. */
let file: Promise<string> | undefined;
async function installed(directory: string): Promise<string> {
  keepCompiled();
  return await (file ??= installProgram('foreman', directory));
}

/** One foreman that runs more tasks than the machine has CPUs: as plain processes, for a container would want its own. */
export async function startCrowded(directory: string, server: TestedServer, places: number): Promise<TestedForemen> {
  const tag = `crowded-${places}`;
  const settings = { name: tag, tags: tag, concurency: places, cpus: places };
  const { conf, logs } = await writeConf(directory, server, settings);
  keepCompiled();
  const program = await startProgram('foreman', { args: [conf], entry: PROCESS_FOREMAN, logs });
  later(() => program.kill());
  return { tag, places, programs: [program] };
}

async function writeConf(
  directory: string,
  server: TestedServer,
  own: { name: string } & Record<string, string | number>,
) {
  const at = (name: string) => path.join(directory, own.name, name);
  const [conf, logs, temp] = [at('kolejka.conf'), at('logs'), at('runs')];
  await mkdir(logs, { recursive: true });
  const settings = { server: server.url, token: server.tokens.foreman, temp, state: at('state'), ...own };
  const lines = Object.entries({ ...settings, observer: '/nonexistent/socket' });
  await writeFile(conf, `[foreman]\n${lines.map(([name, value]) => `${name} = ${value}\n`).join('')}`, {
    mode: 0o600,
  });
  return { conf, logs, temp };
}
