/** What bad input must lead to: a GridError that names the field, and nothing else. */
import { GridError } from '@kolejka/protocol';

/** The refusal of `parse`, or undefined when it accepted. Rethrows whatever is no refusal. */
export function refusalOf(parse: () => unknown): GridError | undefined {
  try {
    parse();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof GridError && thrown.code === 'bad-value') return thrown;
    throw thrown;
  }
}
