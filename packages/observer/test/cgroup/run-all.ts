/**
 * All facts as a plain program, for machines without ava: a cgroup v2 machine under emulation. Its argument is the
 * cgroup driver of the container engine there. Exit status 1 when one is false.
 */
import { LIMIT_NAMES } from '@kolejka/protocol';
import { openCgroups } from '../../src/cgroup/index.ts';
import { ALL_FACTS } from './all-facts.ts';
import { runFact } from './run-fact.ts';

const cgroups = openCgroups(process.argv[2]);
console.log(`cgroup v${cgroups.version}, tasks in ${cgroups.taskPath('x')}`);
for (const name of LIMIT_NAMES) {
  const why = cgroups.whyNotKept(name);
  if (why !== undefined) console.log(`does not keep ${name}: ${why}`);
}
let failed = 0;
for (const name of Object.keys(ALL_FACTS)) {
  try {
    await runFact(name, cgroups);
    console.log(`ok: ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FALSE: ${name}\n`, error);
  }
}
console.log(`${Object.keys(ALL_FACTS).length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
