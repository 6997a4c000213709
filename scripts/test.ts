/**
 * All that `npm test` does once the set-up is done: the check of the repository, then all tests.
 *
 * The last line is `N passed, N failed, N skipped`; the check counts as one test. Arguments are patterns of files: only
 * their tests are run, without the check. Exit status 1 on any failure, when nothing ran, and in CI on any skip.
 */
import { styleText } from 'node:util';
import { runCheck } from './check/run.ts';
import { runAva, show } from './test/run-ava.ts';
import type { Finished, Outcome } from './test/tap.ts';

const patterns = process.argv.slice(2);
const tests: Finished[] = [];

if (patterns.length === 0) {
  const check: Finished = { outcome: (await runCheck()) ? 'passed' : 'failed', title: 'npm run check', details: [] };
  show(check);
  tests.push(check);
}
tests.push(...(await runAva(patterns)));

for (const { title, details } of tests.filter(({ outcome }) => outcome === 'failed')) {
  console.log(`\n${styleText('red', `✘ ${title}`)}`);
  for (const line of details) console.log(line);
}

const count = (wanted: Outcome) => tests.filter(({ outcome }) => outcome === wanted).length;
const skipIsFailure = process.env['CI'] === 'true' && count('skipped') > 0;
if (skipIsFailure) console.log('\nIn CI everything must run: a skipped test is a failure here.');
if (count('failed') > 0 || count('passed') === 0 || skipIsFailure) process.exitCode = 1;
console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
