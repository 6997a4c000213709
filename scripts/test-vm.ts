/**
 * `npm run test:vm`: the tests that depend on control groups, in virtual machines with cgroup v2 (scripts/vm/suites.ts).
 *
 * `--all`: also those that are left out where the machine must be emulated. `--only TEXT`: only the guests whose name
 * contains this. The last line and the exit status are those of `npm test`.
 */
import { parseArgs } from 'node:util';
import { show } from './test/run-ava.ts';
import { summarize } from './test/summary.ts';
import type { Finished } from './test/tap.ts';
import { runInMachines } from './vm/run-all.ts';

const { values } = parseArgs({ options: { all: { type: 'boolean' }, only: { type: 'string' } } });
const tests: Finished[] = [];
await runInMachines({
  ...values,
  finished(test) {
    show(test);
    tests.push(test);
  },
});
summarize(tests);
