/** Answers that are expensive to get: asked for once at a time, and kept for a while. */
import type { Clock } from '@kolejka/program';

export interface KeepOptions {
  /** How long an answer is kept, in milliseconds. */
  keepMs: number;
  /** Most answers that are kept. */
  most: number;
  clock: Clock;
}

export interface Kept<Answer> {
  /** The answer that is kept, or that somebody waits for already. */
  find(key: string): Promise<Answer> | undefined;
  /** The same, or a new one. An error is told to all who wait and not kept. */
  get(key: string, work: () => Promise<Answer>): Promise<Answer>;
}

export function keepAnswers<Answer>({ keepMs, most, clock }: KeepOptions): Kept<Answer> {
  const kept = new Map<string, { answer: Promise<Answer>; until: number }>();

  function find(key: string): Promise<Answer> | undefined {
    const found = kept.get(key);
    return found !== undefined && clock.monotonic() < found.until ? found.answer : undefined;
  }

  function ask(key: string, work: () => Promise<Answer>): Promise<Answer> {
    const entry = { answer: work(), until: Number.POSITIVE_INFINITY };
    kept.delete(key);
    kept.set(key, entry);
    entry.answer.then(
      () => (entry.until = clock.monotonic() + keepMs),
      () => kept.get(key) === entry && kept.delete(key),
    );
    forgetOldest();
    return entry.answer;
  }

  return { find, get: (key, work) => find(key) ?? ask(key, work) };

  /** What somebody waits for stays. */
  function forgetOldest(): void {
    for (const [key, { until }] of kept) {
      if (kept.size <= most) return;
      if (until !== Number.POSITIVE_INFINITY) kept.delete(key);
    }
  }
}
