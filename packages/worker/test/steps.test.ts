import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { type Step, STEPS } from '../src/steps.ts';
import { noMountIsLeft } from './left.ts';
import { openScene, type Scene } from './scene.ts';

const CONDITIONS = '--conditions=kolejka-source';
const DIES_AT = path.join(import.meta.dirname, 'fixtures/dies-at.ts');

/** Runs a worker that is killed so many milliseconds after it has begun a step. */
async function killAt(t: ExecutionContext, { directory, context }: Scene, step: Step, ms: number): Promise<void> {
  const task = path.join(directory, `task-${step}-${ms}`);
  await mkdir(task);
  const args = [CONDITIONS, DIES_AT, step, `${ms}`, task, path.join(directory, `result-${step}-${ms}`), context.temp];
  const worker = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [, signal] = (await once(worker, 'exit')) as [number | null, string | null];
  t.is(signal, 'SIGKILL', step);
}

/**
 * What a worker asked of the engine in its last moment is done when it is dead, and perhaps after the next has looked:
 * then the one after that finds it, by its label.
 */
async function startUntilNothingIsLeft(t: ExecutionContext, scene: Scene): Promise<void> {
  let left: string[] = [];
  for (let start = 0; start < 20; start += 1) {
    await scene.removeLeftovers();
    left = await scene.findLeft();
    if (left.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  t.deepEqual(left, []);
}

/** From which step on which thing must be there when the worker is dead. */
const THERE: Record<Step, readonly string[]> = {
  workspace: ['directory'],
  image: ['directory', 'mount'],
  group: ['directory', 'mount'],
  container: ['directory', 'mount', 'group'],
  start: ['directory', 'mount', 'group', 'container'],
  run: ['directory', 'mount', 'group', 'container', 'process'],
  stop: ['directory', 'mount', 'group', 'container'],
  collect: ['directory', 'mount', 'group', 'container'],
  result: ['directory', 'mount', 'group', 'container'],
  close: ['directory', 'mount', 'group', 'container'],
};

for (const step of STEPS) {
  test(`hostile input 57: what a worker leaves that is killed when it begins the step ${step} is removed by the next`, async (t) => {
    const scene = await openScene(t);
    await killAt(t, scene, step, 0);
    const left = (await scene.findLeft()).map((line) => line.split(' ', 1)[0] ?? '');
    t.deepEqual([...new Set(left)].toSorted(), THERE[step].toSorted(), 'else the test would show nothing');
    await scene.removeLeftovers();
    await noMountIsLeft(t, scene.context.temp);
    t.deepEqual(await scene.findLeft(), []);
  });
}

test('a worker killed while the engine works for it leaves nothing for long', async (t) => {
  const scene = await openScene(t);
  for (const step of ['container', 'start', 'stop', 'close'] as const) {
    await killAt(t, scene, step, 10);
    await startUntilNothingIsLeft(t, scene);
  }
  await scene.isUnharmed();
});

test('a run that lives is left alone, and one whose directory is gone is found by its names', async (t) => {
  const scene = await openScene(t);
  const task = await mkdtemp(path.join(tmpdir(), 'kolejka-killed-'));
  t.teardown(() => rm(task, { recursive: true, force: true }));
  const spec = { image: 'busybox:stable', args: ['sleep', '60'], limits: { memory: '32M', pids: 16, time: '60s' } };
  await writeFile(path.join(task, 'kolejka_task.json'), JSON.stringify(spec));
  const main = path.resolve(import.meta.dirname, '../src/main.ts');
  const flags = ['--temp', scene.context.temp, '--debug'];
  const args = [CONDITIONS, main, 'execute', task, path.join(task, 'out'), ...flags];
  const worker = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
  const steps: string[] = [];
  for await (const line of createInterface({ input: worker.stderr })) {
    const said = JSON.parse(line) as { step?: string };
    if (said.step !== undefined) steps.push(said.step);
    if (said.step === 'run') break;
  }
  t.deepEqual(steps, STEPS.slice(0, STEPS.indexOf('run') + 1), 'the log names each step');

  const runs = await readdir(scene.context.temp);
  await scene.removeLeftovers();
  t.deepEqual(await readdir(scene.context.temp), runs, 'a run whose worker lives is left alone');

  await rm(scene.context.temp, { recursive: true });
  await scene.removeLeftovers();
  t.true(
    (await scene.findLeft()).some((line) => line.startsWith('process')),
    'also when its directory is gone',
  );
  const ended = once(worker, 'exit');
  worker.kill('SIGKILL');
  await ended;
  t.deepEqual(await readdir(scene.context.temp).catch(() => []), []);
  await scene.removeLeftovers();
  t.deepEqual(await scene.findLeft(), []);
});
