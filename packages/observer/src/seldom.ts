/** A line of the log once a minute at most: who can cause it at will must not flood the log. */

const SILENCE_MS = 60_000;

export class Seldom {
  readonly #write: (times: number, fields: Record<string, unknown>) => void;
  #times = 0;
  #silentUntil = -Infinity;

  /** @param write writes the line; hears how often there was something to say since the last one */
  constructor(write: (times: number, fields: Record<string, unknown>) => void) {
    this.#write = write;
  }

  say(fields: Record<string, unknown>): void {
    this.#times += 1;
    if (performance.now() < this.#silentUntil) return;
    this.#write(this.#times, fields);
    this.#times = 0;
    this.#silentUntil = performance.now() + SILENCE_MS;
  }
}
