import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { parseTask } from '@kolejka/protocol';
import test from 'ava';
import { Closings } from '../src/closings.ts';
import { closeWorker, runTask } from '../src/index.ts';
import { openScene } from './scene.ts';

test('what a run had is removed behind its result, and all of it before the worker is closed', async (t) => {
  const { context, directory } = await openScene(t);
  const task = parseTask({ image: 'busybox:stable', args: ['true'] });
  for (const name of ['one', 'two']) {
    await runTask(context, { task, taskDirectory: directory, resultDirectory: path.join(directory, name) });
  }
  await closeWorker(context);
  t.deepEqual(await readdir(context.temp), []);
  const containers = await context.engine.docker.listContainers({ all: true });
  const isOurs = ({ Mounts: mounts }: (typeof containers)[number]) =>
    mounts.some(({ Source: source }) => source?.startsWith(context.temp));
  t.deepEqual(containers.filter(isOurs), []);
});

test('closings run in reverse order, and a run that ends waits while too many are under way', async (t) => {
  const closings = new Closings();
  const said: string[] = [];
  const gate = Promise.withResolvers<void>();
  let ended = 0;
  const end = async () => {
    await using run = closings.open();
    run.defer(() => gate.promise);
    run.defer(() => void said.push('last opened'));
    await turn();
  };
  const runs = Array.from({ length: 20 }, async () => {
    await end();
    ended += 1;
  });
  for (let turns = 0; turns < 50; turns += 1) await turn();
  t.is(said.length, 20);
  t.is(ended, 16);
  let isDone = false;
  const done = closings.done().then(() => (isDone = true));
  await turn();
  t.false(isDone);
  gate.resolve();
  await Promise.all([...runs, done]);
  t.is(ended, 20);
});
