/** What all runs of one worker share, opened once. */
import type { Cgroups } from '@kolejka/observer/cgroup';
import type { Log } from '@kolejka/program';
import { boundedKind } from './bounded.ts';
import { Closings } from './closings.ts';
import { type Engine, openEngine } from './engine.ts';
import { openCgroupsOf } from './engine-fitness.ts';
import { ImagePulls } from './image-pulls.ts';
import type { MESSAGES } from './messages.ts';
import type { DiskKinds } from './run-disk.ts';
import { removeLeftovers } from './runs.ts';
import { storageKind } from './storage.ts';

export interface WorkerOptions {
  log: Log<typeof MESSAGES>;
  /** Directory for the directories of runs. */
  temp: string;
  /** The observer's socket on this machine; mounted into the container when it is there. */
  observerSocket: string;
}

export interface WorkerContext extends WorkerOptions {
  engine: Engine;
  cgroups: Cgroups;
  pulls: ImagePulls;
  closings: Closings;
  diskKinds: DiskKinds;
}

/**
 * Opens the engine and the control groups, and removes what workers that were killed have left.
 * @throws GridError `engine-unreachable`, or `node-unfit` saying what to do
 */
export async function openWorker(options: WorkerOptions): Promise<WorkerContext> {
  const engine = await openEngine();
  const cgroups = openCgroupsOf(engine);
  const diskKinds = { bounded: await boundedKind(), storage: storageKind(engine.storageDriver) };
  const pulls = new ImagePulls(engine);
  const context = { ...options, engine, cgroups, pulls, closings: new Closings(), diskKinds };
  const { name, version, cgroupDriver } = engine;
  options.log.say('engine', { engine: name, version, driver: cgroupDriver, cgroup: cgroups.version });
  await removeLeftovers(context);
  return context;
}

/** Waits until nothing is left of runs that have ended. */
export async function closeWorker({ closings }: WorkerContext): Promise<void> {
  await closings.done();
}
