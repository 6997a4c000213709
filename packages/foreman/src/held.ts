/** The tasks this foreman holds, as it tells the server, and how each can be stopped. */
import type { Held, TaskId, Verdict } from '@kolejka/protocol';

type Phase = NonNullable<Held['phase']>;

export interface HeldTask {
  readonly task: TaskId;
  readonly attempt: number;
  phase: Phase;
  /** Aborted when work on the task must stop. */
  readonly stop: AbortController;
}

export class HeldTasks {
  readonly #tasks = new Set<HeldTask>();
  #changed = Promise.withResolvers<void>();

  add(task: TaskId, attempt: number): HeldTask {
    const held: HeldTask = { task, attempt, phase: 'taken', stop: new AbortController() };
    this.#tasks.add(held);
    return held;
  }

  remove(held: HeldTask): void {
    this.#tasks.delete(held);
  }

  /** Notes a phase and lets the server hear of it soon. */
  enter(held: HeldTask, phase: Phase): void {
    held.phase = phase;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves when the next task enters a phase. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }

  get size(): number {
    return this.#tasks.size;
  }

  report(): Held[] {
    return [...this.#tasks].map(({ task, attempt, phase }) => ({ task, attempt, phase }));
  }

  /** Stops what the server wants stopped, and answers it. */
  obey(verdicts: readonly Verdict[]): HeldTask[] {
    const kill = new Set(
      verdicts.filter(({ verdict }) => verdict === 'kill').map(({ task, attempt }) => `${task} ${attempt}`),
    );
    const stopped = [...this.#tasks].filter(
      ({ task, attempt, phase }) => phase !== 'returned' && kill.has(`${task} ${attempt}`),
    );
    for (const held of stopped) held.stop.abort();
    return stopped;
  }

  /** Lets go of tasks that the server has heard to be returned. */
  forgetReturned(reported: readonly Held[]): void {
    const heard = new Set(
      reported.filter(({ phase }) => phase === 'returned').map(({ task, attempt }) => `${task} ${attempt}`),
    );
    for (const held of this.#tasks) if (heard.has(`${held.task} ${held.attempt}`)) this.#tasks.delete(held);
  }

  /** Stops everything. */
  stopAll(): void {
    for (const held of this.#tasks) held.stop.abort();
  }
}
