import { realClock as clock } from '@kolejka/program';
import { GridError } from '@kolejka/protocol';
import test from 'ava';
import { GivenUp, persist } from '../src/persist.ts';

const away = () => new GridError('server-unreachable', 'nobody there');
const never = new AbortController().signal;

test('a server that does not answer is asked again until it does', async (t) => {
  const heard: number[] = [];
  const codes = ['internal', 'busy', 'too-many-requests', 'not-ready', 'no-space'] as const;
  const answers = [away(), ...codes.map((code) => new GridError(code, 'not now')), 'yes'];
  const ask = async () => {
    const next = answers.shift();
    if (next instanceof GridError) throw next;
    return next;
  };
  t.is(await persist(ask, { clock, signal: never, unanswered: (_error, inARow) => void heard.push(inARow) }), 'yes');
  t.deepEqual(heard, [1, 2, 3, 4, 5, 6]);
});

test('a refusal is an answer', async (t) => {
  let asked = 0;
  const ask = async () => {
    asked += 1;
    throw new GridError('stale-lease', 'not yours');
  };
  const error = await t.throwsAsync(persist(ask, { clock, signal: never, unanswered: () => t.fail() }), {
    instanceOf: GridError,
  });
  t.is(error.code, 'stale-lease');
  t.is(asked, 1);
});

test('what breaks here is not asked again', async (t) => {
  const ask = async () => {
    throw new TypeError('disk full');
  };
  await t.throwsAsync(persist(ask, { clock, signal: never, unanswered: () => t.fail() }), { instanceOf: TypeError });
});

test('whoever is told to stop stops asking', async (t) => {
  const stop = new AbortController();
  const asking = persist(() => Promise.reject(away()), {
    clock,
    signal: stop.signal,
    unanswered: () => stop.abort(),
  });
  await t.throwsAsync(asking, { instanceOf: GivenUp });
});
