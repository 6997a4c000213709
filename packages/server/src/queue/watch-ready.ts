/**
 * Wakes foremen for tasks that became ready without an event: their pause was ended by another server, or when another
 * foreman asked. Once a pass it looks for heads of queues that were not there in the pass before.
 */
import { readyHeads } from '../database/queues.ts';
import type { Store } from '../database/store.ts';
import type { Waiting } from './waiting.ts';

/** Answers the look, to be taken in each pass of the lease watch. */
export function readyWatch({ store, waiting }: { store: Store; waiting: Waiting }): () => Promise<void> {
  let known = new Set<string>();
  return async () => {
    // Where nobody waits there is nobody to wake; whoever comes looks first.
    const heads = waiting.size() === 0 ? [] : await store.read(readyHeads);
    const before = known;
    known = new Set(heads.map(nameOf));
    for (const head of heads) if (!before.has(nameOf(head))) await waiting.ring(head.class, head.ready);
  };
}

/** The same task is another head when it comes back. */
function nameOf({ head, attempt }: { head: number; attempt: number }): string {
  return `${head} ${attempt}`;
}
