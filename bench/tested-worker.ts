/** The worker under test: as a library in this process, and as the command; both with their runs in one directory. */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openLog } from '@kolejka/program';
import { parseTask, TASK_FILE } from '@kolejka/protocol';
import { closeWorker, openWorker, runTask, WORKER_MESSAGES, type WorkerContext } from '@kolejka/worker';
import { runChild } from './child.ts';
import { later } from './undo.ts';

/** A task directory; `started` hears that its program runs. */
export interface Asked {
  directory: string;
  task: object;
  cancel?: AbortSignal;
  started?: () => void;
}

export interface TestedWorker {
  /** Directory of the runs under way. */
  temp: string;
  context: WorkerContext;
  /** Runs a task by a call; answers its result directory. What the run had may still be under removal. */
  call(asked: Asked): Promise<string>;
  /** Resolves when nothing is left of runs that were called. */
  removed(): Promise<void>;
  /** Runs a task by `kolejka-worker execute`; answers its result directory. */
  execute(asked: Asked): Promise<string>;
}

const LAUNCHER = path.resolve(import.meta.dirname, '../packages/worker/bin/kolejka-worker.js');
const REMOVE_RUNS = path.join(import.meta.dirname, 'remove-runs.ts');
const OBSERVER = '/nonexistent/socket';

/** @param directory in which runs and results are; removed by its owner */
export async function openTestedWorker(directory: string): Promise<TestedWorker> {
  const temp = path.join(directory, 'runs');
  const log = openLog('bench', WORKER_MESSAGES, { level: 'warn' });
  const context = await openWorker({ log, temp, observerSocket: OBSERVER });
  later(() => void spawnSync(process.execPath, ['--conditions=kolejka-source', REMOVE_RUNS, temp]));
  let results = 0;
  const nextResult = () => path.join(directory, `result-${(results += 1)}`);
  return {
    temp,
    context,
    async call({ directory: taskDirectory, task, cancel, started }) {
      const resultDirectory = nextResult();
      const request = { task: parseTask(task), taskDirectory, resultDirectory };
      const result = await runTask(context, { ...request, ...(cancel && { cancel }), ...(started && { started }) });
      if (cancel === undefined) expectSuccess(result);
      return resultDirectory;
    },
    removed: () => closeWorker(context),
    async execute({ directory: taskDirectory }) {
      const resultDirectory = nextResult();
      const args = [LAUNCHER, 'execute', taskDirectory, resultDirectory, '--temp', temp, '--observer', OBSERVER];
      await runChild(process.execPath, args);
      expectSuccess(JSON.parse(await readFile(path.join(resultDirectory, 'kolejka_result.json'), 'utf8')));
      return resultDirectory;
    },
  };
}

/** A program that did not run would be a quick one. */
function expectSuccess(result: { reason?: unknown; result?: unknown; stats?: object }): void {
  const { reason, result: code, stats = {} } = result;
  if (reason === 'exit' && code === 0 && Object.keys(stats).length > 0) return;
  throw new Error(`the task did not do what it should: ${JSON.stringify(result)}`);
}

/** Writes a task to a directory of its own. */
export async function writeTask(directory: string, task: object): Promise<Asked> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, TASK_FILE), JSON.stringify(task));
  return { directory, task };
}
