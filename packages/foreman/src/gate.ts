/** Whether this foreman takes tasks: an operator drains a node before work on it, and resumes afterwards. */
export class Gate {
  #shut = new AbortController();
  #opened = Promise.withResolvers<void>();
  /** Why none could be taken when that was last tried. */
  trouble: string | undefined;

  /** No new tasks are taken. */
  get isShut(): boolean {
    return this.#shut.signal.aborted;
  }

  /** Aborted when it is shut: whoever waits for a task then goes away. */
  get shutting(): AbortSignal {
    return this.#shut.signal;
  }

  shut(): void {
    this.#shut.abort();
  }

  open(): void {
    if (!this.isShut) return;
    this.#shut = new AbortController();
    this.#opened.resolve();
    this.#opened = Promise.withResolvers();
  }

  /** Resolves when tasks may be taken; at once when they may. */
  async opened(): Promise<void> {
    if (this.isShut) await this.#opened.promise;
  }
}
