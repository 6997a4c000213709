/**
 * Which tasks run now and what they hold. CPUs are handed out as ranges that never overlap, everything else as a
 * share of the node's limits. A seat is held from the moment a task is taken until nothing of it is left.
 */
import { type Limits, openBudget, spendBudget, type Task } from '@kolejka/protocol';

/** What one task holds. */
export interface Seat {
  /** First CPU of its range. */
  cpusOffset: number;
  /** The task's limits with what it did not say filled in. */
  limits: Limits;
  release: () => void;
}

export interface Room {
  /** How many more tasks may run. */
  places: number;
  limits: Limits;
  /** Nothing runs. */
  idle: boolean;
}

interface Holding {
  image: string;
  limits: Limits;
  exclusive: boolean;
  cpusOffset: number;
}

export class Seats {
  readonly #limits: Limits;
  readonly #defaults: Limits;
  readonly #places: number;
  readonly #holdings = new Set<Holding>();
  #released = Promise.withResolvers<void>();

  /** @param places most tasks at one time */
  constructor(limits: Limits, defaults: Limits, places: number) {
    this.#limits = limits;
    this.#defaults = defaults;
    this.#places = places;
  }

  /** What is free now. Its `cpus` is the longest free range, so that whatever fits it finds a range. */
  room(): Room {
    const holdings = [...this.#holdings];
    let budget = openBudget(this.#limits);
    for (const holding of holdings) budget = spendBudget(holding, budget);
    const cpus = this.#limits.cpus === undefined ? {} : { cpus: longest(this.#freeRanges()) };
    const shut = holdings.some(({ exclusive }) => exclusive);
    return {
      places: shut ? 0 : this.#places - holdings.length,
      limits: { ...budget.left, ...cpus },
      idle: holdings.length === 0,
    };
  }

  /** Seats a task, or undefined when there is no range of CPUs for it. */
  take(task: Pick<Task, 'image' | 'limits' | 'exclusive'>): Seat | undefined {
    const limits = { ...this.#defaults, ...task.limits };
    const cpus = limits.cpus ?? 0;
    const range = this.#freeRanges().find(({ length }) => length >= cpus);
    if (this.#limits.cpus !== undefined && range === undefined) return undefined;
    const holding: Holding = { image: task.image, limits, exclusive: task.exclusive, cpusOffset: range?.start ?? 0 };
    this.#holdings.add(holding);
    return {
      cpusOffset: holding.cpusOffset,
      limits,
      release: () => {
        this.#holdings.delete(holding);
        this.#released.resolve();
        this.#released = Promise.withResolvers();
      },
    };
  }

  /** Resolves when the next seat is released. */
  released(): Promise<void> {
    return this.#released.promise;
  }

  #freeRanges(): { start: number; length: number }[] {
    const first = this.#limits.cpus_offset ?? 0;
    const end = first + (this.#limits.cpus ?? 0);
    const taken = [...this.#holdings].toSorted((one, other) => one.cpusOffset - other.cpusOffset);
    const ranges: { start: number; length: number }[] = [];
    let start = first;
    for (const { cpusOffset, limits } of taken) {
      ranges.push({ start, length: cpusOffset - start });
      start = cpusOffset + (limits.cpus ?? 0);
    }
    ranges.push({ start, length: end - start });
    return ranges;
  }
}

function longest(ranges: readonly { length: number }[]): number {
  return Math.max(0, ...ranges.map(({ length }) => length));
}
