/** The last stats of sessions that are over: they can be read for a while, as the original has it. */
import type { SessionId, Stats } from '@kolejka/protocol';

const KEPT_MS = 300_000;
/** Per scope, so that a program that opens and closes without end fills no memory but its own share. */
const MOST = 1_000;

interface Ended {
  stats: Stats;
  until: number;
}

export class EndedStats {
  /** Oldest first: maps keep the order in which entries came. */
  readonly #byScope = new Map<string, Map<SessionId, Ended>>();
  readonly #forget: (id: SessionId) => void;

  /** @param forget hears which session's stats are dropped */
  constructor(forget: (id: SessionId) => void) {
    this.#forget = forget;
  }

  get isEmpty(): boolean {
    return this.#byScope.size === 0;
  }

  /** @param ended when the session ended, in milliseconds of a clock that only grows */
  keep(scope: string, id: SessionId, stats: Stats, ended: number): void {
    const kept = this.#byScope.get(scope) ?? new Map<SessionId, Ended>();
    this.#byScope.set(scope, kept);
    kept.set(id, { stats, until: ended + KEPT_MS });
    const [oldest] = kept.keys();
    if (kept.size > MOST && oldest !== undefined) this.#drop(kept, oldest);
  }

  find(scope: string, id: SessionId): Stats | undefined {
    return this.#byScope.get(scope)?.get(id)?.stats;
  }

  /** Drops what is too old. */
  sweep(now: number): void {
    for (const [scope, kept] of this.#byScope) {
      for (const [id, { until }] of kept) if (until <= now) this.#drop(kept, id);
      if (kept.size === 0) this.#byScope.delete(scope);
    }
  }

  #drop(kept: Map<SessionId, Ended>, id: SessionId): void {
    kept.delete(id);
    this.#forget(id);
  }
}
