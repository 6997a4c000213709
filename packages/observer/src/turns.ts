/**
 * Commands begin in turns, one of each scope: a task that asks without end makes others wait for one command of its,
 * never for all that it has sent.
 */
export class Turns {
  readonly #waiting = new Map<string, (() => void)[]>();
  #isGoing = false;

  /** Resolves when the scope may begin its next command. */
  async take(scope: string): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(scope) ?? [];
      this.#waiting.set(scope, queue);
      queue.push(resolve);
      if (!this.#isGoing) this.#goOn();
    });
  }

  #goOn(): void {
    this.#isGoing = this.#waiting.size > 0;
    if (this.#isGoing) setImmediate(() => this.#round());
  }

  #round(): void {
    for (const [scope, queue] of this.#waiting) {
      queue.shift()?.();
      if (queue.length === 0) this.#waiting.delete(scope);
    }
    this.#goOn();
  }
}
