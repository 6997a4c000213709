/**
 * What ended runs still have (container, group, directory) is removed behind their results: nobody waits for it who
 * waits for a result. Few at a time, so that runs which end faster than the machine can remove are held up.
 */

/** So many runs may be under removal before the next one that ends has to wait. */
const MOST = 16;

export class Closings {
  readonly #underWay = new Set<Promise<void>>();

  /** A stack of closings of one run; disposing of it begins them, in reverse order. They must not reject. */
  open(): Pick<AsyncDisposableStack, 'defer'> & AsyncDisposable {
    const stack = new AsyncDisposableStack();
    return {
      defer: (close) => stack.defer(close),
      [Symbol.asyncDispose]: async () => await this.#begin(stack.disposeAsync()),
    };
  }

  async #begin(closing: Promise<void>): Promise<void> {
    const done = closing.finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
    while (this.#underWay.size > MOST) await Promise.race(this.#underWay);
  }

  /** Resolves when everything is removed of all runs that have ended until then. */
  async done(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}
