/** What runs a task on this node: the worker, with the real container engine; in tests something else may stand here. */
import type { Result } from '@kolejka/protocol';
import { type RunRequest, runTask, type WorkerContext } from '@kolejka/worker';
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
export function containerWorker(context: WorkerContext): Worker {
  return {
    run: (request) => runTask(context, request),
    findAway: (signal) => findEngineAway(context, signal),
  };
}
