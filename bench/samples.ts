/** Gathers the samples of figures, run by run. */
import type { Samples } from './bench.ts';

export interface Gathered {
  add(figure: string, value: number): void;
  of(figure: string): readonly number[];
  all(): Samples;
}

export function gatherSamples(): Gathered {
  const samples: Record<string, number[]> = {};
  return {
    add: (figure, value) => void (samples[figure] ??= []).push(value),
    of: (figure) => samples[figure] ?? [],
    all: () => samples,
  };
}
