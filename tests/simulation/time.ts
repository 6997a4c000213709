/**
 * The time of a simulated grid. Nothing in it takes any: what happens is on the agenda for a moment, and between two
 * moments everything that was begun comes to rest. So a history is the same each time it is run.
 */

interface Entry {
  at: number;
  /** Of two at the same moment, the one that was noted first. */
  order: number;
  act: () => void;
}

export class Time {
  /** Milliseconds since the history began. */
  now = 0;
  #order = 0;
  /** Sorted, the next one last. */
  readonly #agenda: Entry[] = [];
  #busy = 0;

  /** Does something after a while; answers how to take it off the agenda. */
  after(milliseconds: number, act: () => void): () => void {
    this.#order += 1;
    const entry = { at: this.now + Math.max(0, milliseconds), order: this.#order, act };
    let [low, high] = [0, this.#agenda.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#agenda[middle] as Entry).at > entry.at) low = middle + 1;
      else high = middle;
    }
    this.#agenda.splice(low, 0, entry);
    return () => {
      const at = this.#agenda.indexOf(entry);
      if (at !== -1) this.#agenda.splice(at, 1);
    };
  }

  /** Counts work that no agenda knows of, such as that of a database, so that time waits for it. */
  async during<Answer>(work: Promise<Answer>): Promise<Answer> {
    this.#busy += 1;
    try {
      return await work;
    } finally {
      this.#busy -= 1;
    }
  }

  /** Lets time pass up to a moment, or until the condition holds. */
  async passUntil(moment: number, isOver: () => boolean = () => false): Promise<void> {
    await this.#rest();
    for (;;) {
      const next = this.#agenda.at(-1);
      if (isOver() || next === undefined || next.at > moment) break;
      this.#agenda.pop();
      this.now = next.at;
      next.act();
      await this.#rest();
    }
    if (!isOver()) this.now = Math.max(this.now, moment);
  }

  /** Two turns of the event loop in which nothing is under way: whatever could go on has gone on. */
  async #rest(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.#busy === 0 ? quiet + 1 : 0;
    }
  }
}
