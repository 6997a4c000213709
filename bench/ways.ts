/** Ways to run `true` in a container: plain `docker run`, the worker as a library, the worker as a command. */
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { ContainerInspectInfo } from 'dockerode';
import { runChild } from './child.ts';
import { dockerRunArguments } from './docker-run.ts';
import { type TestedWorker, writeTask } from './tested-worker.ts';
import { later } from './undo.ts';

/** Named as in the figures; `library_bounded` has limits on what the task writes, which `docker run` has no flags for. */
export const WAYS = ['docker_run', 'library', 'library_bounded', 'command'] as const;
export type Way = (typeof WAYS)[number];
export type Ways = Record<Way | 'removed', () => Promise<void>>;

export const IMAGE = 'busybox:stable';
const MEMORY_BYTES = 256 * 1024 ** 2;
const PIDS = 64;
const TASK = {
  image: IMAGE,
  args: ['true'],
  stdout: 'stdout',
  stderr: 'stderr',
  limits: { memory: MEMORY_BYTES, swap: 0, pids: PIDS, time: '60s' },
};
/** Room for a large file that is there twice. */
export const BOUNDS = { workspace: '3G', storage: '1G' };

export async function openWays(worker: TestedWorker, directory: string): Promise<Ways> {
  const asked = await writeTask(path.join(directory, 'true'), TASK);
  const limited = { ...TASK, limits: { ...TASK.limits, ...BOUNDS } };
  const bounded = await writeTask(path.join(directory, 'bounded'), limited);
  const remove = async (result: Promise<string>) => rm(await result, { recursive: true });
  const limits = { memoryBytes: MEMORY_BYTES, pids: PIDS };
  const flags = await withContainer(worker, path.join(directory, 'long'), (container) =>
    dockerRunArguments(container, limits, path.join(directory, 'docker-run')),
  );
  return {
    docker_run: dockerRun([...flags, IMAGE, ...TASK.args], path.basename(directory)),
    library: async () => remove(worker.call(asked)),
    library_bounded: async () => remove(worker.call(bounded)),
    command: async () => remove(worker.execute(asked)),
    removed: () => worker.removed(),
  };
}

/** Runs `docker run` with these arguments; what is left of it when the bench is broken off is removed. */
export function dockerRun(args: readonly string[], prefix: string): Ways[Way] {
  const names = new Set<string>();
  later(() => {
    if (names.size > 0) spawnSync('docker', ['rm', '--force', ...names]);
  });
  let number = 0;
  return async () => {
    const name = `${prefix}-${(number += 1)}`;
    names.add(name);
    await runChild('docker', ['run', '--name', name, ...args]);
    names.delete(name);
  };
}

/** Looks at a container of the worker, and what is mounted in it, while its program runs. */
async function withContainer<Answer>(
  worker: TestedWorker,
  directory: string,
  look: (container: ContainerInspectInfo) => Promise<Answer>,
): Promise<Answer> {
  const asked = await writeTask(directory, { ...TASK, args: ['sleep', '60'] });
  const cancel = new AbortController();
  const started = Promise.withResolvers<void>();
  const ended = worker.call({ ...asked, cancel: cancel.signal, started: started.resolve });
  try {
    await Promise.race([started.promise, ended]);
    const { docker } = worker.context.engine;
    const running = await docker.listContainers({ filters: { label: ['kolejka.run'] } });
    const own = running.find(({ Mounts: mounts }) =>
      mounts.some(({ Source: source }) => source?.startsWith(worker.temp)),
    );
    if (own === undefined) throw new Error('the container of the worker is not there');
    return await look(await docker.getContainer(own.Id).inspect());
  } finally {
    cancel.abort();
    await ended;
    await worker.removed();
  }
}
