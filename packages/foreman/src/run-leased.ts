/**
 * One task under its lease: fetch its files, run it, hand in the result.
 *
 * A task that cannot be run has a result that says why: handed back, it would come again and again. Only what another
 * node may do better is handed back: the engine or the disk here fails, or this foreman is told to end.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@kolejka/client';
import { GridError, mapFiles, type Result, type Task } from '@kolejka/protocol';
import type { Disk } from './disk.ts';
import { handIn, type HandInContext } from './hand-in.ts';
import type { OutputListener } from '@kolejka/worker';
import type { HeldTask } from './held.ts';
import type { Offer } from './node.ts';
import { GivenUp, patience, persist } from './persist.ts';
import type { Worker } from './worker.ts';
import type { Seat } from './seats.ts';
import type { Spool, Spooled } from './spool.ts';

export interface LeasedContext extends HandInContext {
  client: Pick<Client, 'putResult' | 'downloadTo'>;
  worker: Worker;
  spool: Spool;
  offer: Offer;
  /** Pull images even when they are here. */
  pull: boolean;
  /** The server takes tasks back. */
  leased: boolean;
  disk: Pick<Disk, 'failed' | 'succeeded' | 'recover'>;
  /** Tells the server what a task prints; one of the original does not want to know. */
  tellOutput?: (task: Task, held: HeldTask, ended: AbortSignal) => OutputListener;
}

/**
 * Runs a task to its end and releases its seat. Never rejects: whatever happens is told to the server or the log.
 * @returns false when it came to no end here, for a reason that says nothing of the task
 */
export async function runLeased(context: LeasedContext, task: Task, held: HeldTask, seat: Seat): Promise<boolean> {
  const { log, disk, spool, worker } = context;
  const about = { task: held.task, attempt: held.attempt };
  let isEnded = true;
  let spooled: Spooled | undefined;
  const letImageGo = await worker.images.hold(task.image);
  try {
    spooled = await spool.add(held.task, held.attempt);
    const result = await runOrExplain(context, { task, held, seat, spooled });
    // It came to its end after all, which nobody waits for any more.
    if (held.phase === 'lost') log.say('task-dropped', about);
    else if (held.stop.signal.aborted) isEnded = handBack(context, held);
    else {
      // Where it cannot be kept, it is handed in all the same: only a restart would lose it.
      await spooled.keep(result).catch((error: unknown) => log.say('result-not-kept', { ...about, error }));
      await handIn(context, result, spooled.resultDirectory, held);
      disk.succeeded();
    }
  } catch (error) {
    // Told to end before the server had an answer: the result stays, and the next start hands it in.
    if (error instanceof GivenUp && !held.stop.signal.aborted) {
      context.held.remove(held);
      return true;
    }
    // What is broken off because work must stop is no failure. Else it is the disk, most likely: this node takes
    // nothing until it can write again, and another one may do better.
    if (!held.stop.signal.aborted) {
      log.say('task-failed-here', { ...about, error });
      if (!isEngineAway(error)) disk.failed();
    }
    isEnded = handBack(context, held);
  } finally {
    letImageGo();
    seat.release();
  }
  await spooled?.remove().catch((error: unknown) => log.say('left-behind', { ...about, error }));
  return isEnded;
}

interface Leased {
  task: Task;
  held: HeldTask;
  seat: Seat;
  spooled: Spooled;
}

/** The result of the task, also when it could not be begun: then one that says why. */
async function runOrExplain(context: LeasedContext, leased: Leased): Promise<Result> {
  const { offer, worker, held: tasks, log } = context;
  const { task, held, seat, spooled } = leased;
  const about = { task: held.task, attempt: held.attempt };
  const { taskDirectory, resultDirectory } = spooled;
  const ended = new AbortController();
  const output = context.tellOutput?.(task, held, ended.signal);
  try {
    return await worker.run({
      task: await fetchTask(context, task, held, taskDirectory),
      taskDirectory,
      resultDirectory,
      limits: { ...offer.limits, ...seat.limits },
      ...(seat.cpuSet !== undefined && { cpuSet: seat.cpuSet }),
      ...(seat.gpuSet !== undefined && { gpuSet: seat.gpuSet }),
      tags: offer.tags,
      consume: true,
      pull: context.pull,
      cancel: held.stop.signal,
      ...(output !== undefined && { output }),
      started: () => {
        log.say('task-running', about);
        tasks.enter(held, 'running');
      },
      stuck: () => {
        log.say('task-stuck-here', about);
        tasks.enter(held, 'lost');
      },
    });
  } catch (thrown) {
    if (!(thrown instanceof GridError) || isEngineAway(thrown) || held.stop.signal.aborted) throw thrown;
    log.say('task-not-begun', { ...about, code: thrown.code, message: thrown.message });
    const { message } = thrown;
    return { tags: [...offer.tags], limits: seat.limits, stats: {}, reason: 'infrastructure', message, files: {} };
  } finally {
    ended.abort();
  }
}

/** Brings the task's files here; afterwards each has a path. */
async function fetchTask(context: LeasedContext, task: Task, held: HeldTask, directory: string): Promise<Task> {
  const { signal } = held.stop;
  for (const [name, { reference }] of Object.entries(task.files)) {
    if (reference === undefined) continue;
    const file = path.join(directory, name);
    await mkdir(path.dirname(file), { recursive: true });
    const download = () => context.client.downloadTo(reference, file, { signal });
    try {
      await persist(download, patience(context, held, signal));
    } catch (thrown) {
      if (context.leased && isRefused(thrown)) dropTask(context, held);
      throw thrown;
    }
  }
  return { ...task, files: mapFiles(task.files, (_source, name) => ({ path: name })) };
}

/** Files of a task are shown to its owner and to the foreman that has it: who is refused has it no more. */
function isRefused(thrown: unknown): boolean {
  return thrown instanceof GridError && thrown.code === 'not-permitted';
}

/** As a heartbeat would a moment later. A result that says so would be accepted, for the task waits for another now. */
function dropTask({ log }: LeasedContext, held: HeldTask): void {
  log.say('task-dropped', { task: held.task, attempt: held.attempt });
  held.stop.abort();
}

/** The engine went away in the middle: that says nothing of the task, and another node may do better. */
function isEngineAway(thrown: unknown): boolean {
  return thrown instanceof GridError && thrown.code === 'engine-unreachable';
}

/**
 * The next heartbeat says that the task was not run; one that the server took away is just let go. A server of the
 * original takes nothing back: the task stays ours, and is run again. Answers whether the task is done with here.
 */
function handBack({ held: tasks, insisted, leased, log }: LeasedContext, held: HeldTask): boolean {
  const about = { task: held.task, attempt: held.attempt };
  if (!leased) {
    log.say('task-put-off', about);
    return false;
  }
  if (held.stop.signal.aborted && !insisted.aborted) {
    tasks.remove(held);
    return true;
  }
  log.say('task-returned', about);
  tasks.enter(held, 'returned');
  return true;
}
