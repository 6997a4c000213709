/** What must not be left of runs below the directory of a test. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { listMounts } from '../src/mounts.ts';
import type { Scene } from './scene.ts';

export async function nothingIsLeft(t: ExecutionContext, { context }: Scene): Promise<void> {
  t.deepEqual(await readdir(context.temp), [], 'directories of runs');
  const containers = await context.engine.docker.listContainers({ all: true });
  t.deepEqual(
    containers.filter(({ Mounts }) => Mounts.some(({ Source }) => Source.startsWith(context.temp))),
    [],
    'containers',
  );
  await noMountIsLeft(t, context.temp);
}

/** The kernel lets go of a loop device a moment after its last mount. */
const PATIENCE_MS = 20_000;

/** Nothing is mounted below the directory, and no loop device has a file there. */
export async function noMountIsLeft(t: ExecutionContext, directory: string): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  const isOurs = (at: string) => at.startsWith(`${directory}/`);
  for (;;) {
    const mounts = (await listMounts()).map(({ at }) => at).filter(isOurs);
    const loops = (await loopFiles()).filter(isOurs);
    if ((mounts.length === 0 && loops.length === 0) || Date.now() > until) {
      return void t.deepEqual({ mounts, loops }, { mounts: [], loops: [] });
    }
    await sleep(50);
  }
}

/** The files that loop devices have. */
async function loopFiles(): Promise<string[]> {
  const devices = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
  const files = devices.map((name) => readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => ''));
  return (await Promise.all(files)).map((file) => file.trim()).filter((file) => file !== '');
}
