/**
 * A drill: a grid of real processes in which the server and the foremen are killed, frozen past their leases and cut off
 * while tasks are put and run. At the end all is healed and every task must have ended as promised.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findLeftovers } from '../../packages/worker/test/machine.ts';
import { type DrillGrid, type Kind, openDrillGrid } from './grid.ts';
import { killProcessesIn, processesIn } from './processes.ts';
import { type Answers, countOpen, insist, putTasks } from './tasks.ts';
import { type Counts, makeTrouble } from './troubles.ts';
import { judgeDrill, readAnswers, readLines, readTasks, type Verdict } from './verdict.ts';

export interface DrillOptions {
  kind: Kind;
  seed: number;
  /** How long there is trouble. */
  seconds: number;
  /** Longer, until so many tasks were put. */
  least: number;
  /** Aborted to break it off; nothing is left then either. */
  signal: AbortSignal;
  say: (what: string) => void;
}

export interface DrillEnd {
  figures: Record<string, number>;
  /** What is wrong, a sentence each; empty when all is as promised. */
  story: string[];
}

/** From when all is well again, tasks that were lost need a pause, a lease and a run. */
const PATIENCE_MS = 300_000;
const LOOK_AGAIN_MS = 500;

/** @throws Error when tasks do not end though all is well; the reason of the signal */
export async function runDrill(options: DrillOptions): Promise<DrillEnd> {
  const { kind, signal, say } = options;
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-drill-'));
  let outcome: { verdict: Verdict; counts: Counts; tasks: Answers };
  try {
    const grid = await openDrillGrid(directory, kind, signal);
    try {
      outcome = await runOn(grid, directory, options);
    } catch (error) {
      grid.abandon();
      throw error;
    }
  } catch (error) {
    await killProcessesIn(directory);
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  const { verdict, counts, tasks } = outcome;
  const processes = (await processesIn(directory)).map((pid) => `process ${pid}`);
  await rm(directory, { recursive: true, force: true });
  const left = [...processes, ...(await findLeftovers({ directories: [directory], tasks: [...tasks.keys()] }))];
  say(`${left.length} things are left`);
  const { story, ...found } = verdict;
  const figures = {
    tasks: tasks.size,
    kills: counts.kill,
    freezes: counts.freeze,
    cuts: counts.cut,
    ...found,
    leftovers: left.length,
  };
  return { figures, story: [...story, ...left] };
}

async function runOn(grid: DrillGrid, directory: string, { seed, seconds, least, signal, say }: DrillOptions) {
  const { client } = grid;
  const over = AbortSignal.any([AbortSignal.timeout(seconds * 1000), signal]);
  const calm = new AbortController();
  say(`tasks are put for ${seconds} s, while programs are killed, frozen and cut off`);
  const troubled = makeTrouble(grid, seed, AbortSignal.any([calm.signal, signal]));
  troubled.catch(() => calm.abort());
  let tasks: Answers;
  try {
    const putting = putTasks({ client, directory: path.join(directory, 'tasks'), seed, least, over, signal });
    tasks = await Promise.race([putting, troubled.then(() => putting)]);
  } finally {
    // Whatever is dead or frozen now comes to life first: nothing may start behind the end.
    calm.abort();
    await Promise.allSettled([troubled]);
  }
  const counts = await troubled;
  say(`all is well again: ${tasks.size} tasks must end`);
  const late = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const open = await insist(() => countOpen(client), signal);
    if (open === 0) break;
    if (late.aborted)
      throw new Error(`${open} of ${tasks.size} tasks have not ended, ${PATIENCE_MS / 1000} s after all was well`);
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
  const resolved: string[] = [];
  for await (const { id } of client.listTasks({ state: 'resolved' })) resolved.push(id);
  say(`${resolved.length} have results`);
  const answers = await readAnswers(client, { tasks: resolved, directory: path.join(directory, 'results'), signal });
  await grid.stop();
  const [records, lines] = await Promise.all([readTasks(grid.database), readLines(grid.logs)]);
  return { verdict: judgeDrill(tasks, { answers, records, lines }), counts, tasks };
}
