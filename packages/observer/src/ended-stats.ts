/** The last stats of sessions that are over: they can be read for a while, as the original has it. */
import type { Stats } from '@kolejka/protocol';

const KEPT_MS = 300_000;
/** Per scope, so that a program that opens and closes without end fills no memory but its own share. */
const MOST = 1_000;

interface Ended {
  stats: Stats;
  until: number;
}

export class EndedStats {
  /** Oldest first: maps keep the order in which entries came. */
  readonly #byScope = new Map<string, Map<string, Ended>>();

  keep(scope: string, id: string, stats: Stats, now: number): void {
    const ended = this.#byScope.get(scope) ?? new Map<string, Ended>();
    this.#byScope.set(scope, ended);
    ended.set(id, { stats, until: now + KEPT_MS });
    const [oldest] = ended.keys();
    if (ended.size > MOST && oldest !== undefined) ended.delete(oldest);
  }

  find(scope: string, id: string): Stats | undefined {
    return this.#byScope.get(scope)?.get(id)?.stats;
  }

  /** Drops what is too old. */
  sweep(now: number): void {
    for (const [scope, ended] of this.#byScope) {
      for (const [id, { until }] of ended) if (until <= now) ended.delete(id);
      if (ended.size === 0) this.#byScope.delete(scope);
    }
  }
}
