/** Which CPUs a limited session gets: a block of those of the group above, away from the blocks of others. */

/** Position of the first CPU among those of the group above, and how many. */
export type CpuBlock = readonly [first: number, count: number];

interface Wanted {
  /** How many CPUs the group above has. */
  available: number;
  /** At most `available`. */
  count: number;
  /** First CPU, when one was asked for. */
  offset: number | undefined;
  /** Blocks of the sessions beside it. */
  taken: readonly CpuBlock[];
}

/**
 * Where the block begins. An offset that is asked for holds when the block fits there. Without one, or with one beyond
 * the end (the original begins with the first CPU then), the block goes where the fewest others are, first places first:
 * two sessions of one CPU each share none while there are two.
 */
export function chooseFirst({ available, count, offset, taken }: Wanted): number {
  if (offset !== undefined && offset + count <= available) return offset;
  const users = Array.from({ length: available }, (_, cpu) => taken.filter((block) => isIn(cpu, block)).length);
  const crowds = Array.from({ length: available - count + 1 }, (_, first) =>
    users.slice(first, first + count).reduce((sum, each) => sum + each, 0),
  );
  return crowds.indexOf(Math.min(...crowds));
}

function isIn(cpu: number, [first, count]: CpuBlock): boolean {
  return first <= cpu && cpu < first + count;
}
