/** One task under its lease: fetch its files, run it, hand in the result. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@kolejka/client';
import { type Log, runLoop } from '@kolejka/program';
import { asGridError, type ErrorCode, type GridError, mapFiles, type Result, type Task } from '@kolejka/protocol';
import { openRun, removeRunDirectory, runTask, type WorkerContext } from '@kolejka/worker';
import type { HeldTask, HeldTasks } from './held.ts';
import type { MESSAGES } from './messages.ts';
import type { Offer } from './node.ts';
import type { Seat } from './seats.ts';

export interface LeasedContext {
  client: Client;
  worker: WorkerContext;
  offer: Offer;
  held: HeldTasks;
  log: Log<typeof MESSAGES>;
  /** Aborted when running tasks must be handed back. */
  insisted: AbortSignal;
}

/** Runs a task to its end and releases its seat. Never rejects: whatever happens is told to the server or the log. */
export async function runLeased(context: LeasedContext, task: Task, held: HeldTask, seat: Seat): Promise<void> {
  const { log } = context;
  const about = { task: held.task, attempt: held.attempt };
  const directories = await openRun(context.worker.temp, `leased-${held.task}`);
  try {
    const fetched = await fetchTask(context, task, held, path.join(directories.directory, 'task'));
    const resultDirectory = path.join(directories.directory, 'result');
    const result = await runTask(context.worker, {
      task: fetched,
      taskDirectory: path.join(directories.directory, 'task'),
      resultDirectory,
      limits: { ...context.offer.limits, ...seat.limits },
      cpusOffset: seat.cpusOffset,
      tags: context.offer.tags,
      consume: true,
      cancel: held.stop.signal,
      started: () => {
        log.say('task-running', about);
        context.held.enter(held, 'running');
      },
    });
    if (held.stop.signal.aborted || (await nodeIsBroken(context, result))) return handBack(context, held);
    await handIn(context, result, resultDirectory, held);
  } catch (thrown) {
    if (!held.stop.signal.aborted) log.say('task-failed-here', { ...about, error: thrown });
    handBack(context, held);
  } finally {
    await removeRunDirectory(directories.directory).catch((error: unknown) =>
      log.say('left-behind', { ...about, error }),
    );
    seat.release();
  }
}

/** Brings the task's files here; afterwards each has a path. */
async function fetchTask({ client }: LeasedContext, task: Task, held: HeldTask, directory: string): Promise<Task> {
  await mkdir(directory, { mode: 0o700 });
  for (const [name, { reference }] of Object.entries(task.files)) {
    if (reference === undefined) continue;
    await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
    await client.downloadTo(reference, path.join(directory, name), { signal: held.stop.signal });
  }
  return { ...task, files: mapFiles(task.files, (_source, name) => ({ path: name })) };
}

/** A failure of the node is no result of the task when the engine itself is away: another node may do better. */
async function nodeIsBroken({ worker }: LeasedContext, result: Result): Promise<boolean> {
  if (result.reason !== 'infrastructure') return false;
  return await worker.engine.docker.ping().then(
    () => false,
    () => true,
  );
}

/** The server's refusals that no repetition changes. */
const FINAL: readonly ErrorCode[] = [
  'stale-lease',
  'already-resolved',
  'not-permitted',
  'not-found',
  'task-unknown',
  'bad-value',
];

/** Offers the result until it is accepted or refused; the task stays held meanwhile, so its lease is renewed. */
async function handIn(context: LeasedContext, result: Result, directory: string, held: HeldTask): Promise<void> {
  const { client, log, insisted } = context;
  const about = { task: held.task, attempt: held.attempt };
  const done = new AbortController();
  let refusal: GridError | undefined;
  await runLoop({
    pass: async () => {
      try {
        await client.putResult({ ...result, id: held.task }, directory, held.attempt);
      } catch (thrown) {
        refusal = asGridError(thrown);
        if (!FINAL.includes(refusal.code)) throw thrown;
        log.say('result-refused', { ...about, code: refusal.code, message: refusal.message });
        return done.abort();
      }
      log.say('result-accepted', { ...about, reason: result.reason });
      done.abort();
    },
    signal: AbortSignal.any([done.signal, insisted]),
    failed: (error, inARow) => log.say('result-waiting', { ...about, inARow, message: asGridError(error).message }),
  });
  context.held.remove(held);
}

/** The next heartbeat says that the task was not run; one that the server took away is just let go. */
function handBack(context: LeasedContext, held: HeldTask): void {
  if (held.stop.signal.aborted && !context.insisted.aborted) return context.held.remove(held);
  context.log.say('task-returned', { task: held.task, attempt: held.attempt });
  context.held.enter(held, 'returned');
}
