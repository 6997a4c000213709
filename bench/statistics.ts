/** Few numbers that stand for many. */

/** The value below which the share of all values lies; `share` from 0 to 1. The nearest rank, never a mean of two. */
export function percentile(values: readonly number[], share: number): number {
  const inOrder = values.toSorted((one, other) => one - other);
  return inOrder[Math.max(0, Math.ceil(share * inOrder.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const inOrder = values.toSorted((one, other) => one - other);
  const middle = inOrder.length / 2;
  const around = inOrder.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1);
  return around.reduce((sum, value) => sum + value, 0) / around.length;
}

/** Each run's value over the other's value in the same run. */
export function ratios(over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, run) => value / (under[run] ?? Number.NaN));
}
