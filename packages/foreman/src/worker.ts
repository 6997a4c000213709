/** What runs a task on this node: the worker, with the real container engine; in tests something else may stand here. */
import path from 'node:path';
import { type Log, openLog, realClock } from '@kolejka/program';
import type { Result } from '@kolejka/protocol';
import {
  closeWorker,
  openWorker,
  type RunRequest,
  runTask,
  WORKER_MESSAGES,
  type WorkerContext,
} from '@kolejka/worker';
import type { ForemanConfig } from './config.ts';
import { findEngineAway } from './engine.ts';
import { Images, type NodeImages } from './images.ts';
import type { MESSAGES } from './messages.ts';
import { findShortage } from './shortage.ts';

export interface Worker {
  /**
   * Runs one task to its end and leaves the files of its result in the directory of the request.
   * @throws GridError when there is no result, as `runTask` of the worker
   */
  run(request: RunRequest): Promise<Result>;
  /** Why no task can be run now, or undefined when one can. */
  findAway(signal: AbortSignal): Promise<Error | undefined>;
  /** The images that tasks run in. */
  images: NodeImages;
}

/** Runs tasks in containers. @param directories where it and its engine write */
export function containerWorker(context: WorkerContext, images: Images, directories: readonly string[]): Worker {
  return {
    run(request) {
      const { image } = request.task;
      return runTask(context, { ...request, imageFound: (found, isNew) => images.used(image, found, isNew) });
    },
    images,
    findAway: async (signal) => (await findEngineAway(context, signal)) ?? findShortage(directories),
  };
}

/** Those of the group that all tasks are in; before there is one, of the group that it comes to be in. */
function cpusOf({ cgroups }: WorkerContext): number[] {
  const task = cgroups.open(cgroups.taskPath('0'));
  const cpus = task.cpusAbove();
  return cpus.length > 0 ? cpus : cgroups.open('/kolejka').cpusAbove();
}

/** A worker that is open, and how to close it: then nothing is left of runs that have ended. */
export interface OpenedWorker {
  worker: Worker;
  /** Numbers of the CPUs that it can give to tasks; none when it cannot say, or gives none in particular. */
  cpus?: readonly number[];
  close: () => Promise<void>;
}

export type OpenWorker = (
  config: Pick<ForemanConfig, 'temp' | 'observer' | 'state' | 'limits'>,
  log: Log<typeof MESSAGES>,
) => Promise<OpenedWorker>;

/**
 * Opens the worker that runs tasks in containers, and removes what one that was killed has left.
 * @throws GridError `engine-unreachable`, or `node-unfit` saying what to do
 */
export const openContainers: OpenWorker = async ({ temp, observer, state, limits }, log) => {
  const ofWorker = openLog('kolejka-foreman', WORKER_MESSAGES, {});
  const context = await openWorker({ log: ofWorker, temp, observerSocket: observer });
  const images = await Images.open({
    docker: context.engine.docker,
    file: path.join(state, 'images.json'),
    spaceBytes: limits.image,
    log,
    clock: realClock,
  });
  const directories = [temp, state, context.engine.directory];
  const shortage = findShortage(directories);
  if (shortage !== undefined) throw shortage;
  return {
    worker: containerWorker(context, images, directories),
    cpus: cpusOf(context),
    close: () => closeWorker(context),
  };
};
