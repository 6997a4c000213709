/**
 * All that `npm test` does once the set-up is done: the check of the repository, then all tests.
 *
 * The last line is `N passed, N failed, N skipped`; the check counts as one test. Arguments are patterns of files: only
 * their tests are run, without the check. `--vm`: those of `npm run test:vm` too, after all others. Exit status 1 on any
 * failure, when nothing ran, and in CI on any skip.
 */
import { runCheck } from './check/run.ts';
import { runAva, show } from './test/run-ava.ts';
import { summarize } from './test/summary.ts';
import type { Finished } from './test/tap.ts';
import { runInMachines } from './vm/run-all.ts';

const IN_MACHINES = '--vm';
const patterns = process.argv.slice(2).filter((argument) => argument !== IN_MACHINES);
const tests: Finished[] = [];
const finished = (test: Finished) => {
  show(test);
  tests.push(test);
};

if (patterns.length === 0) {
  finished({ outcome: (await runCheck()) ? 'passed' : 'failed', title: 'npm run check', details: [] });
}
tests.push(...(await runAva(patterns)));
if (process.argv.includes(IN_MACHINES)) await runInMachines({ finished });
summarize(tests);
