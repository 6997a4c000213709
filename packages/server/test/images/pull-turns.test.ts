import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { openPullTurns } from '../../src/images/pull-turns.ts';

/** Something that goes on until it is let go. */
function endless() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { work: () => promise, letGo: resolve };
}

test('of four pulls at once a user has two', async (t) => {
  const turns = openPullTurns();
  const { work, letGo } = endless();
  const begun: number[] = [];
  const pull = (user: number) => turns.wait(user, () => turns.inTurn(user, async () => (begun.push(user), work())));
  const all = Promise.all([1, 1, 1, 1, 2, 3, 3].map(pull));
  await Promise.resolve();
  t.deepEqual(begun, [1, 1, 2, 3]);
  letGo();
  await all;
  t.is(begun.length, 7);
});

test('of 500 tasks that wait a user has half, and is told so', async (t) => {
  const turns = openPullTurns();
  const { work, letGo } = endless();
  const of = (user: number) => Array.from({ length: 250 }, () => turns.wait(user, work));
  const waiting = of(1);
  const busy = async (user: number) => (await t.throwsAsync(turns.wait(user, work), { instanceOf: GridError })).message;
  t.is(await busy(1), '250 of your tasks wait for their images already.');
  waiting.push(...of(2));
  t.is(await busy(3), '500 tasks wait for their images already.');
  letGo();
  await Promise.all(waiting);
  await t.notThrowsAsync(turns.wait(1, work));
});
