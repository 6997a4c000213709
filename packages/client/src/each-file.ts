/** Many files at one time, and none that goes on in the background once one has failed. */
import pLimit from 'p-limit';

/** Files that travel at one time. */
const AT_ONCE = 4;

/**
 * Does the work for each file; answers in their order. After the first failure no more files are taken and the signal
 * of those under way is aborted.
 * @throws what failed first, once nothing is under way any more
 */
export async function eachFile<Item, Answer>(
  items: readonly Item[],
  signal: AbortSignal | undefined,
  work: (item: Item, signal: AbortSignal) => Promise<Answer>,
): Promise<Answer[]> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const limit = pLimit(AT_ONCE);
  const failures: unknown[] = [];
  const each = items.map((item) =>
    limit(async () => {
      try {
        either.throwIfAborted();
        return [await work(item, either)];
      } catch (thrown) {
        failures.push(thrown);
        stop.abort(thrown);
        return [];
      }
    }),
  );
  const answers = await Promise.all(each);
  if (failures.length > 0) throw failures[0];
  return answers.flat(1) as Answer[];
}
