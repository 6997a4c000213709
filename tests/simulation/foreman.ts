/** A foreman of a simulated grid: all of it as it is but the worker, whose tasks only take time. */
import { ForemanName, GridError, type Result, type TaskId } from '@kolejka/protocol';
import { dequeue, heartbeat } from '../../packages/client/src/queue.ts';
import type { Connection } from '../../packages/client/src/connection.ts';
import { putResult } from '../../packages/client/src/results.ts';
import { Ending } from '../../packages/foreman/src/ask.ts';
import { type ForemanContext, govern } from '../../packages/foreman/src/foreman.ts';
import { Gate } from '../../packages/foreman/src/gate.ts';
import { HeldTasks } from '../../packages/foreman/src/held.ts';
import { NO_IMAGES } from '../../packages/foreman/src/images.ts';
import { Seats } from '../../packages/foreman/src/seats.ts';
import type { Worker } from '../../packages/foreman/src/worker.ts';
import type { Process } from './process.ts';
import type { SimulatedDisk } from './spool.ts';

/** What a node of the simulation has. */
const NODE = { cpus: 2, places: 3 } as const;

/** How a task behaves, wherever it is run. */
export interface Behaviour {
  prepareMs: number;
  runMs: number;
  /** Its exit code: what must be accepted. */
  exit: number;
  cpus: number;
  /** Kills the foreman that begins it. */
  isPoison: boolean;
}

export interface NodeFaults {
  /** The container engine is away. */
  engineAway: boolean;
}

export interface ForemanOptions {
  name: string;
  process: Process;
  connection: Pick<Connection, 'call'>;
  disk: SimulatedDisk;
  faults: NodeFaults;
  behaviourOf: (task: TaskId) => Behaviour;
  /** Hears of what would be wrong in any history. */
  violated: (what: string) => void;
}

/** Starts a foreman; it goes on until its process is killed. */
export function startForeman(options: ForemanOptions): void {
  const { name, process, disk } = options;
  const connection = options.connection as Connection;
  const { clock } = process;
  const seats = new Seats({ cpus: NODE.cpus }, { cpus: 1 }, NODE.places);
  const never = new AbortController().signal;
  const context: ForemanContext = {
    client: {
      dequeue: (request, given) => dequeue(connection, request, given),
      heartbeat: (report, given) => heartbeat(connection, report, given),
      putResult: (result, directory, attempt, given) => putResult(connection, result, directory, attempt, given),
      downloadTo: () => Promise.reject(new Error('tasks of the simulation have no files')),
      showTask: () => Promise.reject(new Error('only a server of the original is asked for a task')),
    },
    worker: simulatedWorker(options),
    spool: disk.spoolOf(process),
    offer: { limits: { cpus: NODE.cpus }, tags: [], defaults: { cpus: 1 } },
    disk: {
      failed: () => undefined,
      succeeded: () => undefined,
      async recover() {
        if (disk.isFull) throw new GridError('node-unfit', 'The disk is full.');
        return 0;
      },
    },
    held: new HeldTasks(),
    log: { say: (what, fields) => noteRefusal(options, what, fields) },
    clock,
    insisted: never,
    foreman: ForemanName.parse(name),
    leased: true,
    stated: [],
    ending: new Ending(),
    interval: 10_000,
    pull: false,
    gate: new Gate(),
    seats,
    running: new Set(),
  };
  void govern(context, { asked: never, insisted: never });
}

/** A result that is complete may be refused only because the task is another's by then, or has ended. */
const STALE: ReadonlySet<unknown> = new Set(['stale-lease', 'already-resolved']);

function noteRefusal({ violated }: ForemanOptions, what: string, fields: Record<string, unknown> | undefined): void {
  if (what !== 'result-refused' || STALE.has(fields?.['code'])) return;
  violated(`a result of ${String(fields?.['task'])} was thrown away: ${String(fields?.['message'])}`);
}

/** Runs nothing: a task takes its time and comes to its exit code. */
function simulatedWorker({ process, faults, disk, behaviourOf, violated }: ForemanOptions): Worker {
  const running = new Map<string, readonly number[]>();
  return {
    images: NO_IMAGES,
    findAway: async () => (faults.engineAway ? new Error('the engine is away') : undefined),
    async run({ task, cancel, started, cpuSet = [] }) {
      const id = task.id as TaskId;
      const behaviour = behaviourOf(id);
      await process.clock.sleep(behaviour.prepareMs);
      if (behaviour.isPoison) process.kill();
      if (!process.isAlive) return await new Promise(() => undefined);
      disk.requireRoom();
      if (faults.engineAway) throw new GridError('engine-unreachable', 'The engine is away.');
      const key = `${id} ${cpuSet.join()}`;
      running.set(key, cpuSet);
      const cpus = [...running.values()].flat();
      if (running.size > NODE.places) violated(`a node runs ${running.size} tasks`);
      if (new Set(cpus).size < cpus.length || cpus.some((cpu) => cpu >= NODE.cpus))
        violated(`a node runs tasks on the CPUs ${cpus.join()}`);
      if (cpuSet.length !== behaviour.cpus) violated(`${id} has ${cpuSet.length} CPUs and not ${behaviour.cpus}`);
      started?.();
      const isCancelled = await isAbortedWithin(process, behaviour.runMs, cancel);
      running.delete(key);
      const result: Result = { tags: [], limits: task.limits, stats: {}, files: {} };
      return isCancelled ? { ...result, reason: 'cancelled' } : { ...result, reason: 'exit', result: behaviour.exit };
    },
  };
}

async function isAbortedWithin(process: Process, milliseconds: number, signal: AbortSignal | undefined) {
  return await process.clock.sleep(milliseconds, signal).then(
    () => false,
    () => true,
  );
}
