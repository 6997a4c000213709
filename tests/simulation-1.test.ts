// Half of the histories; the other half runs beside it.
import { rm } from 'node:fs/promises';
import test from 'ava';
import { runHistory } from './simulation/history.ts';
import { testHistories } from './simulation/share.ts';
import { makeTemplate } from './simulation/users.ts';

test.serial('the same seed gives the same history', async (t) => {
  const template = await makeTemplate();
  t.teardown(() => rm(template.directory, { recursive: true }));
  for (let seed = 1; seed <= 20; seed += 1) {
    t.deepEqual(await runHistory(seed, template), await runHistory(seed, template));
  }
});

testHistories(0, 2);
