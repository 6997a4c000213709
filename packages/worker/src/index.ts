/** The worker as a library: one task in one container. */
export { openEngine } from './engine.ts';
export type { Image, ImageListener } from './image.ts';
export { type KeeperRow, KEEPERS } from './limit-keepers.ts';
export type { OutputListener, OutputPiece } from './live-output.ts';
export { MESSAGES as WORKER_MESSAGES } from './messages.ts';
export { disownDirectory, livingOwner, ownDirectory } from './owner.ts';
export { freeSpace } from './node-disk.ts';
export { closeWorker, openWorker, type WorkerContext } from './open.ts';
export type { PullListener, PullProgress } from './image-pull.ts';
export { DEFAULT_TEMP, openRun, removeRunDirectory } from './runs.ts';
export { type RunRequest, runTask } from './run-task.ts';
