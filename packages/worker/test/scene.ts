/** A worker with the real engine in a temporary directory, for tests that run tasks. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openLog } from '@kolejka/program';
import { parseTask, type Result } from '@kolejka/protocol';
import type { ExecutionContext } from 'ava';
import {
  closeWorker,
  openWorker,
  type RunRequest,
  runTask,
  WORKER_MESSAGES,
  type WorkerContext,
} from '../src/index.ts';
import { homeOf } from '../src/run-id.ts';
import { removeLeftovers } from '../src/runs.ts';
import { noMountIsLeft } from './left.ts';
import { findLeftovers } from './machine.ts';

export interface Scene {
  directory: string;
  context: WorkerContext;
  /** Runs a task given as in JSON, with files given by name and content, and reads its result directory. */
  run: (task: object, files?: Record<string, string | Uint8Array>, request?: Partial<RunRequest>) => Promise<Ran>;
  removeLeftovers: () => Promise<void>;
  /** What of this worker's runs the machine still has, one line each. */
  findLeft: () => Promise<string[]>;
  /** After a hostile task: the next one passes, and of both nothing is left. */
  isUnharmed: () => Promise<void>;
}

export interface Ran {
  result: Result;
  /** Text of a result file. */
  text: (name: string) => Promise<string>;
  resultDirectory: string;
}

/** Limits under which no test program can do harm; a task of a test states what it is about on top. */
const SAFE = { cpus: 1, memory: '64M', swap: 0, pids: 64, time: '20s' };

/** A task that is a shell script. */
export const sh = (script: string) => ({ args: ['sh', '-c', script] });

/** A task that builds a program from one of its files, and then is a shell script beside it. */
export const build = (file: string, script: string) => ({
  ...sh(`cc -o program ${file} && ${script}`),
  image: 'kolejka/cc:1',
});

export async function openScene(t: ExecutionContext): Promise<Scene> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-worker-test-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const context = await openWorker({
    log: openLog('worker-test', WORKER_MESSAGES, { level: 'error' }),
    temp: path.join(directory, 'runs'),
    observerSocket: path.join(directory, 'no-observer', 'socket'),
  });
  t.teardown(() => closeWorker(context));
  let runs = 0;
  const scene: Scene = {
    directory,
    context,
    async run(task, files = {}, request = {}) {
      runs += 1;
      const taskDirectory = path.join(directory, `task-${runs}`);
      const resultDirectory = path.join(directory, `result-${runs}`);
      await mkdir(taskDirectory);
      for (const [name, content] of Object.entries(files)) {
        await mkdir(path.dirname(path.join(taskDirectory, name)), { recursive: true });
        await writeFile(path.join(taskDirectory, name), content);
      }
      const asked = {
        image: 'busybox:stable',
        stdout: 'out',
        stderr: 'err',
        files: Object.fromEntries(Object.keys(files).map((name) => [name, name])),
        ...task,
        limits: { ...SAFE, ...('limits' in task ? (task.limits as object) : {}) },
      };
      try {
        const result = await runTask(context, { task: parseTask(asked), taskDirectory, resultDirectory, ...request });
        return { result, resultDirectory, text: (name) => readFile(path.join(resultDirectory, name), 'utf8') };
      } finally {
        // Tests look at once for what is left.
        await closeWorker(context);
      }
    },
    removeLeftovers: () => removeLeftovers(context),
    async findLeft() {
      const found = await findLeftovers({ directories: [], tasks: [homeOf(context.temp), context.temp] });
      const runsLeft = await readdir(context.temp).catch((): string[] => []);
      return [...found, ...runsLeft.map((run) => `directory ${run}`)];
    },
    async isUnharmed() {
      const { result, text } = await scene.run({ args: ['echo', 'next'] });
      t.is(result.reason, 'exit', result.message);
      t.is(await text('out'), 'next\n');
      await noMountIsLeft(t, context.temp);
      t.deepEqual(await scene.findLeft(), []);
    },
  };
  return scene;
}
