/**
 * Runs: one attempt of one task on this machine.
 *
 * The directory of a run is made first and removed last, and its name is also that of the container (and its label) and
 * the task group. So whatever a worker that was killed has left behind is found by its directory. A file in it says
 * which process owns it; a run whose owner is gone is a leftover. Where somebody has emptied the directory of runs, the
 * names of the container and the group still say where the run was at home and whose it was.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Cgroups } from '@kolejka/observer/cgroup';
import { type Log, makeDirectories } from '@kolejka/program';
import { type Engine, engineStatus } from './engine.ts';
import type { MESSAGES } from './messages.ts';
import { uncoverAll, unmountAll } from './mounts.ts';
import { disownDirectory, isOwned, lives, ownDirectory } from './owner.ts';
import { beginRunId, findRunId, homeOf, type RunId } from './run-id.ts';

/** Where runs are when nothing else is said. */
export const DEFAULT_TEMP = path.join(tmpdir(), 'kolejka');

export interface Run {
  /** Unique on this machine, without a dash: name of the directory, the container and the task group. */
  id: string;
  directory: string;
}

/** Name of a run's container. */
export const containerName = (runId: string) => `kolejka_worker_${runId}`;

/** Label of a run's container. */
export const RUN_LABEL = 'kolejka.run';

/** Makes the directory of a new run below `temp`, owned by this process. */
export async function openRun(temp: string, task: string): Promise<Run> {
  await makeDirectories(temp, 0o700);
  const directory = await mkdtemp(path.join(temp, await beginRunId(temp, task)));
  await ownDirectory(directory);
  return { id: path.basename(directory), directory };
}

/** Gives up a run of which something could not be removed: whoever looks for leftovers next may take it. */
export async function disownRun({ directory }: Run): Promise<void> {
  await disownDirectory(directory);
}

/**
 * Removes the directory of a run, however deep or wide a task has made it: rm(1) walks by descriptor and in a process
 * of its own, where Node's works with whole paths, longer than the kernel takes, and all names in memory at once.
 */
export async function removeRunDirectory(directory: string): Promise<void> {
  await promisify(execFile)('rm', ['-rf', '--one-file-system', '--', directory]);
}

interface Leftovers {
  temp: string;
  engine: Engine;
  cgroups: Cgroups;
  log: Log<typeof MESSAGES>;
}

/** Removes containers, groups, mounts and directories of runs below `temp` whose worker is gone. */
export async function removeLeftovers(context: Leftovers): Promise<void> {
  const { temp, log } = context;
  for (const id of await readdir(temp).catch(() => [])) {
    if (!(await isOwned(path.join(temp, id)))) await removeLeftover(context, id);
  }
  const homeless = await findHomeless(context).catch((error: unknown) => {
    log.say('left-behind', { what: 'containers and groups without a directory', error });
    return new Map<string, RunId>();
  });
  for (const { id, owner } of homeless.values()) {
    if (!(await lives(owner))) await removeLeftover(context, id);
  }
}

async function removeLeftover({ temp, engine, cgroups, log }: Leftovers, id: string): Promise<void> {
  const directory = path.join(temp, id);
  try {
    await uncoverAll(directory);
    await removeContainer(engine, containerName(id));
    await cgroups.open(cgroups.taskPath(id)).remove();
    await unmountAll(directory);
    await removeRunDirectory(directory);
    log.say('leftover-removed', { run: id });
  } catch (error) {
    log.say('left-behind', { run: id, error });
  }
}

/** Runs that were at home in `temp` and have a container or a group, but no directory any more. */
async function findHomeless({ temp, engine, cgroups }: Leftovers): Promise<Map<string, RunId>> {
  const containers = await engine.docker.listContainers({ all: true, filters: { label: [RUN_LABEL] } });
  const groups = cgroups.children(path.dirname(cgroups.taskPath('run')));
  const names = [...containers.map(({ Labels }) => Labels[RUN_LABEL] ?? ''), ...groups];
  const runs = names.flatMap((name) => findRunId(name) ?? []);
  const home = homeOf(temp);
  return new Map(
    runs.filter((run) => run.home === home && !existsSync(path.join(temp, run.id))).map((run) => [run.id, run]),
  );
}

/** Removes a container, running or not; one that is gone is fine. */
export async function removeContainer(engine: Engine, name: string): Promise<void> {
  try {
    await engine.docker.getContainer(name).remove({ force: true, v: true });
  } catch (error) {
    // 409: somebody is removing it already.
    if (![404, 409].includes(engineStatus(error) ?? 0)) throw error;
  }
}
