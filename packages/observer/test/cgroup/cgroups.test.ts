import test from 'ava';
import { ALL_FACTS } from './all-facts.ts';
import { runFact } from './run-fact.ts';

const isRoot = process.getuid?.() === 0;

for (const name of Object.keys(ALL_FACTS)) {
  if (!isRoot) test.skip(`${name} (skipped: only root may make control groups)`, (t) => t.pass());
  else {
    test.serial(name, async (t) => {
      await t.notThrowsAsync(runFact(name));
    });
  }
}
