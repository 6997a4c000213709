import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseTask } from '@kolejka/protocol';
import test from 'ava';
import { runTask } from '../../src/index.ts';
import { listMounts } from '../../src/mounts.ts';
import { openScene, sh } from '../scene.ts';

const PATIENCE_MS = 30_000;

/** Whoever writes to a frozen file system waits where no signal reaches it, until it is thawed. */
test('hostile input 11: a process that hangs in the kernel holds its own task only, which ends for its reason when it is let go', async (t) => {
  const { run, isUnharmed, context, directory } = await openScene(t);
  const started = Promise.withResolvers<void>();
  const writer = sh('echo ready; while :; do echo x >> file; done');
  const limits = { workspace: '16M', time: '2s' };
  const stuck = run({ ...writer, limits }, {}, { output: () => started.resolve() });
  await started.promise;
  const place = (await listMounts()).map(({ at }) => at).find((at) => at.startsWith(context.temp));
  t.truthy(place, 'the workspace is a file system of its own');
  // Not by the scene, which waits until nothing is left of any run.
  const task = parseTask({ image: 'busybox:stable', args: ['true'], limits: { time: '20s' } });
  const request = { task, taskDirectory: directory, resultDirectory: path.join(directory, 'beside') };
  execFileSync('fsfreeze', ['--freeze', place ?? '']);
  try {
    t.true(await hangs(context.temp), 'a process of the task is in state D');
    t.is((await runTask(context, request)).reason, 'exit', 'beside it');
    t.is(await Promise.race([stuck.then(() => 'ended'), sleep(3000).then(() => 'hangs')]), 'hangs', 'over its time');
  } finally {
    execFileSync('fsfreeze', ['--unfreeze', place ?? '']);
  }
  const { result } = await stuck;
  t.is(result.reason, 'time', result.message);
  await isUnharmed();
});

/** Waits until a process in a group of these runs is in uninterruptible sleep. */
async function hangs(temp: string): Promise<boolean> {
  const [run = ''] = await readdir(temp);
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(50)) {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      if ((await read('cgroup')).includes(run) && / D /.test(await read('stat'))) return true;
    }
  }
  return false;
}
