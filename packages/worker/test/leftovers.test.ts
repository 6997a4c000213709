import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { listMounts } from '../src/mounts.ts';
import { noMountIsLeft } from './left.ts';
import { openScene } from './scene.ts';

test('what a worker that was killed has left is removed by the next start', async (t) => {
  const scene = await openScene(t);
  const task = await mkdtemp(path.join(tmpdir(), 'kolejka-killed-'));
  t.teardown(() => rm(task, { recursive: true, force: true }));
  const limits = { memory: '32M', pids: 16, time: '60s', workspace: '8M', storage: '8M' };
  const spec = { image: 'busybox:stable', args: ['sleep', '60'], limits };
  await writeFile(path.join(task, 'kolejka_task.json'), JSON.stringify(spec));

  const main = path.resolve(import.meta.dirname, '../src/main.ts');
  const args = [
    '--conditions=kolejka-source',
    main,
    'execute',
    task,
    path.join(task, 'out'),
    '--temp',
    scene.context.temp,
    '--verbose',
  ];
  const worker = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] });
  for await (const line of createInterface({ input: worker.stderr })) if (line.includes('task-started')) break;

  const [run = ''] = await readdir(scene.context.temp);
  await scene.removeLeftovers();
  t.deepEqual(await readdir(scene.context.temp), [run], 'a run whose worker lives is left alone');

  const ended = once(worker, 'exit');
  worker.kill('SIGKILL');
  await ended;
  const container = scene.context.engine.docker.getContainer(`kolejka_worker_${run}`);
  t.true((await container.inspect()).State.Running);
  const group = scene.context.cgroups.open(scene.context.cgroups.taskPath(run));
  t.true(group.exists());

  const covered = await coversOf(scene.context.temp);
  t.is(covered.length, 1, 'the layer of the container');

  await scene.removeLeftovers();
  t.deepEqual(await readdir(scene.context.temp), []);
  await noMountIsLeft(t, scene.context.temp);
  t.deepEqual(await readdir(covered[0] ?? '').catch(() => 'gone'), 'gone');
  await t.throwsAsync(container.inspect(), { message: /no such container/i });
  t.false(group.exists());
});

/** Directories elsewhere that are covered with a part of what is mounted below `directory`. */
async function coversOf(directory: string): Promise<string[]> {
  const mounts = await listMounts();
  const isBelow = (at: string) => at.startsWith(`${directory}/`);
  const devices = mounts.filter(({ at }) => isBelow(at)).map(({ device }) => device);
  return mounts.filter(({ at, device }) => !isBelow(at) && devices.includes(device)).map(({ at }) => at);
}
