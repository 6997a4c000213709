/** What came of all tests: the failed ones once more, and the closing line that counts them. */
import { styleText } from 'node:util';
import type { Finished, Outcome } from './tap.ts';

/**
 * Prints the summary; its last line is `N passed, N failed, N skipped`. Sets the exit status to 1 on any failure, when
 * nothing ran, and in CI on any skip.
 */
export function summarize(tests: readonly Finished[]): void {
  for (const { title, details } of tests.filter(({ outcome }) => outcome === 'failed')) {
    console.log(`\n${styleText('red', `✘ ${title}`)}`);
    for (const line of details) console.log(line);
  }
  const count = (wanted: Outcome) => tests.filter(({ outcome }) => outcome === wanted).length;
  const skipIsFailure = process.env['CI'] === 'true' && count('skipped') > 0;
  if (skipIsFailure) console.log('\nIn CI everything must run: a skipped test is a failure here.');
  if (count('failed') > 0 || count('passed') === 0 || skipIsFailure) process.exitCode = 1;
  console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
}
