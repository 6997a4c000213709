/** The tasks this foreman holds, as it tells the server, and how each can be stopped. */
import type { Held, TaskId, Verdict } from '@kolejka/protocol';

type Phase = NonNullable<Held['phase']>;

/** Nothing is done about them here any more, only the server has to hear of it. */
const LET_GO: ReadonlySet<Phase> = new Set(['returned', 'lost']);

export interface HeldTask {
  readonly task: TaskId;
  readonly attempt: number;
  phase: Phase;
  /** The phase that the server has heard of. */
  told: Phase;
  /** Aborted when work on the task must stop. */
  readonly stop: AbortController;
}

export class HeldTasks {
  readonly #tasks = new Set<HeldTask>();
  #changed = Promise.withResolvers<void>();

  add(task: TaskId, attempt: number): HeldTask {
    const held: HeldTask = { task, attempt, phase: 'taken', told: 'taken', stop: new AbortController() };
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

  /** Resolves when there is a phase that the server has not heard of; at once when it was entered during a heartbeat. */
  async changed(): Promise<void> {
    if ([...this.#tasks].every(({ phase, told }) => phase === told)) await this.#changed.promise;
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
      ({ task, attempt, phase }) => !LET_GO.has(phase) && kill.has(`${task} ${attempt}`),
    );
    for (const held of stopped) held.stop.abort();
    return stopped;
  }

  /** Notes what the server has heard, and lets go of tasks that it has heard to be returned or lost. */
  heard(reported: readonly Held[]): void {
    for (const { task, attempt, phase } of reported) {
      const held = [...this.#tasks].find((one) => one.task === task && one.attempt === attempt);
      if (held === undefined || phase === undefined) continue;
      held.told = phase;
      if (LET_GO.has(phase)) this.#tasks.delete(held);
    }
  }

  /** Stops everything. */
  stopAll(): void {
    for (const held of this.#tasks) held.stop.abort();
  }
}
