import test from 'ava';
import { openCgroups } from '../../src/cgroup/index.ts';
import { ALL_FACTS } from './all-facts.ts';
import { runFact } from './run-fact.ts';

/** Of the container engine here: in a virtual machine, systemd may make the groups of tasks. */
const driver = process.env['CGROUP_DRIVER'];
const isRoot = process.getuid?.() === 0;

for (const name of Object.keys(ALL_FACTS)) {
  if (!isRoot) test.skip(`${name} (skipped: only root may make control groups)`, (t) => t.pass());
  else {
    test.serial(name, async (t) => {
      await t.notThrowsAsync(runFact(name, openCgroups(driver)));
    });
  }
}
