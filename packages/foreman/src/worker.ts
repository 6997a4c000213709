/** What runs a task on this node: the worker, with the real container engine; in tests something else may stand here. */
import { openLog } from '@kolejka/program';
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

export interface Worker {
  /**
   * Runs one task to its end and leaves the files of its result in the directory of the request.
   * @throws GridError when there is no result, as `runTask` of the worker
   */
  run(request: RunRequest): Promise<Result>;
  /** Why no task can be run now, or undefined when one can. */
  findAway(signal: AbortSignal): Promise<Error | undefined>;
}

/** Runs tasks in containers. */
function containerWorker(context: WorkerContext): Worker {
  return {
    run: (request) => runTask(context, request),
    findAway: (signal) => findEngineAway(context, signal),
  };
}

/** A worker that is open, and how to close it: then nothing is left of runs that have ended. */
export interface OpenedWorker {
  worker: Worker;
  close: () => Promise<void>;
}

export type OpenWorker = (config: Pick<ForemanConfig, 'temp' | 'observer'>) => Promise<OpenedWorker>;

/**
 * Opens the worker that runs tasks in containers, and removes what one that was killed has left.
 * @throws GridError `engine-unreachable`, or `node-unfit` saying what to do
 */
export const openContainers: OpenWorker = async ({ temp, observer }) => {
  const log = openLog('kolejka-foreman', WORKER_MESSAGES, {});
  const context = await openWorker({ log, temp, observerSocket: observer });
  return { worker: containerWorker(context), close: () => closeWorker(context) };
};
