/** Answers that are expensive to get: asked for once at a time, and kept for a while. */
import type { Clock } from '@kolejka/program';

export interface KeepOptions {
  /** How long an answer is kept, in milliseconds. */
  keepMs: number;
  /** Most answers that are kept. */
  most: number;
  clock: Clock;
}

/**
 * Answers the function that gets the answer to a key: the kept one, the one somebody waits for already, or a new one.
 * An error is told to all who wait and not kept.
 */
export function keepAnswers<Answer>({ keepMs, most, clock }: KeepOptions) {
  const kept = new Map<string, { answer: Promise<Answer>; until: number }>();
  return (key: string, work: () => Promise<Answer>): Promise<Answer> => {
    const found = kept.get(key);
    if (found !== undefined && clock.monotonic() < found.until) return found.answer;
    const entry = { answer: work(), until: Number.POSITIVE_INFINITY };
    kept.delete(key);
    kept.set(key, entry);
    entry.answer.then(
      () => (entry.until = clock.monotonic() + keepMs),
      () => kept.get(key) === entry && kept.delete(key),
    );
    forgetOldest();
    return entry.answer;
  };

  /** What somebody waits for stays. */
  function forgetOldest(): void {
    for (const [key, { until }] of kept) {
      if (kept.size <= most) return;
      if (until !== Number.POSITIVE_INFINITY) kept.delete(key);
    }
  }
}
