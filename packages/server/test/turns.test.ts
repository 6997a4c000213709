import test from 'ava';
import { takeTurns } from '../src/turns.ts';

test('regression: no more than so many run at once, whenever they come', async (t) => {
  const inTurn = takeTurns(2);
  let [running, most] = [0, 0];
  const work = async (turns: number) => {
    most = Math.max(most, (running += 1));
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    running -= 1;
  };
  const begun: Promise<void>[] = [];
  for (let count = 0; count < 50; count += 1) {
    begun.push(inTurn(() => work(count % 5)));
    await Promise.resolve();
  }
  await Promise.all(begun);
  t.is(most, 2);
});

test('what fails gives its turn on', async (t) => {
  const inTurn = takeTurns(1);
  const failing = inTurn(() => Promise.reject(new Error('no')));
  const next = inTurn(() => Promise.resolve('yes'));
  await t.throwsAsync(failing, { message: 'no' });
  t.is(await next, 'yes');
});

test('no more wait than may, and whoever is refused takes no turn', async (t) => {
  const inTurn = takeTurns(1, 2);
  const first = Promise.withResolvers<string>();
  const under = [inTurn(() => first.promise), inTurn(async () => 'second'), inTurn(async () => 'third')];
  await t.throwsAsync(
    inTurn(() => Promise.resolve(t.fail())),
    { code: 'busy' },
  );
  first.resolve('first');
  t.deepEqual(await Promise.all(under), ['first', 'second', 'third']);
  t.is(await inTurn(async () => 'later'), 'later');
});
