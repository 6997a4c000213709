import test from 'ava';
import { Turns } from '../src/turns.ts';

test('scopes begin in turns, each in its own order, however much one asks for', async (t) => {
  const turns = new Turns();
  const begun: string[] = [];
  const take = async (scope: string, command: string) => turns.take(scope).then(() => void begun.push(command));
  await Promise.all([
    take('a', 'a1'),
    take('a', 'a2'),
    take('a', 'a3'),
    take('b', 'b1'),
    take('c', 'c1'),
    take('b', 'b2'),
  ]);
  t.deepEqual(begun, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  await take('a', 'later');
  t.is(begun.at(-1), 'later');
});
