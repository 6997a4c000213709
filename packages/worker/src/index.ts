/** The worker as a library: one task in one container. */
export { openEngine } from './engine.ts';
export { MESSAGES as WORKER_MESSAGES } from './messages.ts';
export { DEFAULT_TEMP, openRun, removeLeftovers, removeRunDirectory } from './runs.ts';
export { type RunRequest, runTask, type WorkerContext } from './run-task.ts';
