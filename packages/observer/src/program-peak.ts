/** The largest memory without page cache of a session, as seen in samples: the kernel keeps no such peak. */
import type { Stats } from '@kolejka/protocol';

export class ProgramPeak {
  #most: number;

  /** @param earlier what an observer before this one saw */
  constructor(earlier: Stats = {}) {
    this.#most = earlier.memory_max_program ?? 0;
  }

  /** The stats with the peak so far; without it, as long as nothing was seen. */
  add(stats: Stats): Stats {
    this.#most = Math.max(this.#most, stats.memory_program ?? 0);
    return this.#most === 0 ? stats : { ...stats, memory_max_program: this.#most };
  }
}
