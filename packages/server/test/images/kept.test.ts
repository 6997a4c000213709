import test from 'ava';
import { keepAnswers } from '../../src/images/kept.ts';

function scene(options: { keepMs?: number; most?: number } = {}) {
  let now = 0;
  const clock = { now: () => 0, monotonic: () => now, sleep: () => Promise.reject(new Error('nobody sleeps here')) };
  const asked: string[] = [];
  const waiting: PromiseWithResolvers<string>[] = [];
  const kept = keepAnswers<string>({ keepMs: 1000, most: 10, clock, ...options });
  return {
    asked,
    waiting,
    pass: (milliseconds: number) => (now += milliseconds),
    get: (key: string) =>
      kept.get(key, () => {
        asked.push(key);
        const one = Promise.withResolvers<string>();
        waiting.push(one);
        return one.promise;
      }),
  };
}

test('who asks while an answer is on its way gets the same one', async (t) => {
  const { get, asked, waiting } = scene();
  const answers = Promise.all([get('a'), get('a'), get('b')]);
  t.deepEqual(asked, ['a', 'b']);
  waiting[0]?.resolve('1');
  waiting[1]?.resolve('2');
  t.deepEqual(await answers, ['1', '1', '2']);
});

test('an answer is kept for its time, counted from when it came', async (t) => {
  const { get, asked, waiting, pass } = scene();
  const first = get('a');
  pass(5000);
  waiting[0]?.resolve('1');
  await first;
  pass(999);
  t.is(await get('a'), '1');
  pass(1);
  const second = get('a');
  waiting[1]?.resolve('2');
  t.is(await second, '2');
  t.deepEqual(asked, ['a', 'a']);
});

test('an error is told to all who wait, and the next one asks again', async (t) => {
  const { get, asked, waiting } = scene();
  const answers = Promise.allSettled([get('a'), get('a')]);
  waiting[0]?.reject(new Error('away'));
  t.deepEqual(
    (await answers).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  const again = get('a');
  waiting[1]?.resolve('1');
  t.is(await again, '1');
  t.is(asked.length, 2);
});

test('the oldest answers are forgotten, never what somebody waits for', async (t) => {
  const { get, asked, waiting } = scene({ most: 2 });
  const slow = get('slow');
  for (const [index, key] of ['a', 'b', 'c'].entries()) {
    const answer = get(key);
    waiting[index + 1]?.resolve(key);
    await answer;
  }
  void get('slow');
  void get('c');
  t.deepEqual(asked, ['slow', 'a', 'b', 'c']);
  void get('a');
  t.deepEqual(asked, ['slow', 'a', 'b', 'c', 'a']);
  waiting[0]?.resolve('done');
  t.is(await slow, 'done');
});
