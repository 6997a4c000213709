/** Everything that must be so of control groups, by name. */
import { FACTS } from './facts.ts';
import { FIGURES } from './figures.ts';

export const ALL_FACTS = { ...FACTS, ...FIGURES };
