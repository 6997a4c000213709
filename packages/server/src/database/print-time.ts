/** Moments as the original writes them: in UTC, with milliseconds. */
export function printTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
