// The server is killed while clients and foremen are at work, and nothing that was acknowledged may be lost. The drill
// takes most of a minute: a start of the server takes half a second. More kills by hand: docs/operate/server.md.
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { runDrill } from './crash/drill.ts';

test('nothing that was acknowledged is lost or doubled when the server is killed at work, up to eighty times', async (t) => {
  const seed = process.env['KOLEJKA_TEST_SEED'] ?? randomUUID();
  const { figures, wrong } = await runDrill({ kills: 80, seed, wholeMs: 60_000, least: 20 });
  t.log({ seed, ...figures });
  t.deepEqual(wrong, [], `KOLEJKA_TEST_SEED=${seed} makes the same choices again`);
  t.true(figures.kills >= 20);
  t.is(figures.leftOver, 0);
  for (const name of ['references', 'tasks', 'results', 'keys', 'events', 'cancelled', 'tasksGone'] as const) {
    t.true(figures[name] > 0, `${name}: nothing happened`);
  }
});
