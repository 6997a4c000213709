/**
 * Which tasks run now and what they hold. CPUs and GPUs are handed out as sets that never overlap, everything else as a
 * share of the node's limits. A seat is held from the moment a task is taken until nothing of it is left.
 */
import { type Clock, keptWithin } from '@kolejka/program';
import { firstMisfit, type Limits, openBudget, spendBudget, type Task } from '@kolejka/protocol';
import { chooseCpus } from './cpu-set.ts';
import type { Cpu } from './cpu-shape.ts';

/** What one task holds. */
export interface Seat {
  /** Numbers of its CPUs, nobody else's; undefined on a node that does not count them. */
  cpuSet: readonly number[] | undefined;
  /** Places of its GPUs in the list of the machine, nobody else's; undefined on a node that does not count them. */
  gpuSet: readonly number[] | undefined;
  /** The task's limits with what it did not say filled in. */
  limits: Limits;
  release: () => void;
}

export interface Room {
  /** How many more tasks may run. */
  places: number;
  limits: Limits;
  /** Images of running tasks and what is counted for each; `limits` is without it. */
  paid: ReadonlyMap<string, number>;
  /** Nothing runs. */
  idle: boolean;
}

type Asking = Pick<Task, 'image' | 'limits' | 'exclusive'>;

/** Longest pause between two looks at whether there is room. */
const LOOK_AGAIN_MS = 60_000;

interface Holding {
  image: string;
  limits: Limits;
  exclusive: boolean;
  cpuSet: readonly number[];
  gpuSet: readonly number[];
}

export class Seats {
  readonly #limits: Limits;
  readonly #defaults: Limits;
  readonly #places: number;
  readonly #cpus: readonly Cpu[];
  readonly #gpus: readonly number[];
  readonly #holdings = new Set<Holding>();
  #waiting = 0;
  #line: Promise<void> = Promise.resolve();
  #released = Promise.withResolvers<void>();

  /**
   * @param places most tasks at one time
   * @param cpus CPUs of the machine, of which `limits` says how many from where on; when undefined, as many as it says
   */
  constructor(limits: Limits, defaults: Limits, places: number, cpus?: readonly Cpu[]) {
    const { cpus: count = 0, cpus_offset: first = 0, gpus = 0, gpus_offset: firstGpu = 0 } = limits;
    this.#limits = limits;
    this.#defaults = defaults;
    this.#places = places;
    this.#cpus = (cpus ?? shapeless(first + count)).slice(first, first + count);
    this.#gpus = Array.from({ length: gpus }, (_, index) => firstGpu + index);
  }

  /** What there is when nothing runs. */
  get node(): Limits {
    return { ...this.#limits, ...(this.#limits.cpus !== undefined && { cpus: this.#cpus.length }) };
  }

  /** What is free for a task that is asked for. Whoever waits here goes first. */
  room(): Room {
    const free = this.#free();
    return this.#waiting > 0 ? { ...free, places: 0 } : free;
  }

  /** What is free now: whatever fits it gets its sets. */
  #free(): Room {
    const holdings = [...this.#holdings];
    let budget = openBudget(this.#limits);
    for (const holding of holdings) budget = spendBudget(holding, budget);
    // A machine may have fewer than the node says.
    const cpus = this.#limits.cpus === undefined ? {} : { cpus: this.#freeCpus().length };
    const shut = holdings.some(({ exclusive }) => exclusive);
    return {
      places: shut ? 0 : this.#places - holdings.length,
      limits: { ...budget.left, ...cpus },
      paid: budget.images,
      idle: holdings.length === 0,
    };
  }

  /** Seats a task, or undefined when there are not as many CPUs or GPUs for it. */
  take(task: Asking): Seat | undefined {
    const limits = { ...this.#defaults, ...task.limits };
    const counts = { cpus: this.#limits.cpus !== undefined, gpus: this.#limits.gpus !== undefined };
    const cpuSet = counts.cpus ? chooseCpus(this.#freeCpus(), limits.cpus ?? 0, this.#cpus) : [];
    const gpuSet = counts.gpus ? this.#chooseGpus(limits.gpus ?? 0) : [];
    if (cpuSet === undefined || gpuSet === undefined) return undefined;
    const holding: Holding = { image: task.image, limits, exclusive: task.exclusive, cpuSet, gpuSet };
    this.#holdings.add(holding);
    return {
      cpuSet: counts.cpus ? cpuSet : undefined,
      gpuSet: counts.gpus ? gpuSet : undefined,
      limits,
      release: () => {
        this.#holdings.delete(holding);
        this.#released.resolve();
        this.#released = Promise.withResolvers();
      },
    };
  }

  /**
   * Seats a task as soon as all that it asks for is free; undefined when the signal is aborted first. For tasks that
   * cannot be handed back; they wait in the order they came.
   */
  async takeWhenFree(task: Asking, clock: Clock, signal: AbortSignal): Promise<Seat | undefined> {
    const before = this.#line;
    const turn = before.then(() => this.#waitFor(task, clock, signal));
    this.#waiting += 1;
    this.#line = turn.then(() => undefined);
    return await turn.finally(() => (this.#waiting -= 1));
  }

  async #waitFor(task: Asking, clock: Clock, signal: AbortSignal): Promise<Seat | undefined> {
    while (!signal.aborted) {
      const released = this.released();
      if (this.#hasFree(task)) return this.take(task);
      await keptWithin(released, LOOK_AGAIN_MS, clock, signal);
    }
    return undefined;
  }

  #hasFree({ image, limits, exclusive }: Asking): boolean {
    const free = this.#free();
    if (free.places <= 0 || (exclusive && !free.idle)) return false;
    return (
      firstMisfit({ image, limits: { ...this.#defaults, ...limits } }, openBudget(free.limits, free.paid)) === undefined
    );
  }

  /** Resolves when the next seat is released. */
  released(): Promise<void> {
    return this.#released.promise;
  }

  #freeCpus(): Cpu[] {
    const held = new Set([...this.#holdings].flatMap(({ cpuSet }) => cpuSet));
    return this.#cpus.filter(({ id }) => !held.has(id));
  }

  #chooseGpus(count: number): number[] | undefined {
    const held = new Set([...this.#holdings].flatMap(({ gpuSet }) => gpuSet));
    const free = this.#gpus.filter((gpu) => !held.has(gpu));
    return count > free.length ? undefined : free.slice(0, count);
  }
}

/** CPUs of which nothing is known but their number. */
function shapeless(count: number): Cpu[] {
  return Array.from({ length: count }, (_, id) => ({ id, core: String(id), node: 0 }));
}
