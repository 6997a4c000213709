/** What a bench is: something that measures, run by run, figures whose names are kept. */

/** A number for each run of a figure; one that is a sum over all runs has a single number. */
export type Samples = Record<string, readonly number[]>;

export interface Effort {
  /** How many times everything is measured. */
  runs: number;
  /** Sizes so small that every figure is there within seconds; the figures say nothing then. */
  quick: boolean;
  /** Hears what is going on. */
  say: (what: string) => void;
}

export interface Bench {
  about: string;
  measure: (effort: Effort) => Promise<Samples>;
}
