import { setImmediate } from 'node:timers/promises';
import type { DequeueRequest } from '@kolejka/client';
import { ForemanName, type Limits, parseTask } from '@kolejka/protocol';
import test from 'ava';
import { ask, type AskContext, Ending } from '../src/ask.ts';
import { Gate } from '../src/gate.ts';
import { Seats } from '../src/seats.ts';

const never = new AbortController().signal;
const NODE: Limits = { cpus: 4 };

/** Lets everything happen that can happen without time passing. */
async function settle(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await setImmediate();
}

/** A foreman and what it has asked; a question that waits is answered by the test. */
function open(given: Partial<AskContext> = {}) {
  let time = 0;
  const sleepers = new Set<() => void>();
  const asked: DequeueRequest[] = [];
  const waiting: ((answer: { tasks: Record<string, unknown>[] }) => void)[] = [];
  const seats = new Seats(NODE, { cpus: 1 }, 8);
  const context = {
    client: {
      dequeue: (request: DequeueRequest) => {
        asked.push(request);
        if (request.concurency === 0) return Promise.resolve({ tasks: [] });
        return new Promise((resolve) => waiting.push(resolve));
      },
    },
    foreman: ForemanName.parse('node'),
    offer: { limits: NODE, tags: ['quick'], defaults: { cpus: 1 } },
    seats,
    gate: new Gate(),
    clock: {
      now: () => time,
      monotonic: () => time,
      sleep: (milliseconds: number, signal?: AbortSignal) =>
        new Promise<void>((resolve, reject) => {
          const until = time + milliseconds;
          const look = () => {
            if (time < until && signal?.aborted !== true) return;
            sleepers.delete(look);
            if (signal?.aborted === true) reject(signal.reason as Error);
            else resolve();
          };
          sleepers.add(look);
          signal?.addEventListener('abort', look, { once: true });
          look();
        }),
    },
    leased: true,
    stated: ['cpus'],
    ending: new Ending(),
    ...given,
  } as unknown as AskContext;
  const move = async (milliseconds: number) => {
    await settle();
    time += milliseconds;
    for (const look of sleepers) look();
    await settle();
  };
  const seat = (cpus: number) => {
    const taken = seats.take(parseTask({ image: 'x', args: ['x'], limits: { cpus } }));
    if (taken === undefined) throw new Error('no seat');
    return taken;
  };
  return { context, asked, waiting, move, seat, ends: () => asked.filter(({ concurency }) => concurency === 0).length };
}

test('a seat that is released ends the question that waits, and what that one brought is heard', async (t) => {
  const { context, asked, waiting, seat, ends } = open();
  const running = seat(3);
  const answer = ask(context, never);
  await settle();
  t.like(asked[0], { concurency: 7, limits: { cpus: 1 }, wait: 20 });
  t.is(ends(), 0);
  running.release();
  await settle();
  t.is(ends(), 1);
  t.like(asked[1], { foreman: 'node', concurency: 0, wait: 0 });
  waiting[0]?.({ tasks: [{ id: 'given at that very moment' }] });
  t.is((await answer).tasks.length, 1);
});

test('the question after that says all that is free', async (t) => {
  const { context, asked, waiting, seat } = open();
  const running = seat(3);
  const first = ask(context, never);
  running.release();
  await settle();
  waiting[0]?.({ tasks: [] });
  await first;
  void ask(context, never);
  t.like(asked.at(-1), { concurency: 8, limits: { cpus: 4 }, idle: true });
});

test('a question that was answered needs no end', async (t) => {
  const { context, waiting, seat, ends } = open();
  const running = seat(1);
  const answer = ask(context, never);
  waiting[0]?.({ tasks: [{}] });
  await answer;
  running.release();
  await settle();
  t.is(ends(), 0);
});

test('an end that is lost is sent again', async (t) => {
  const { context, waiting, seat, ends, move } = open();
  const running = seat(1);
  const answer = ask(context, never);
  running.release();
  await move(199);
  t.is(ends(), 1);
  await move(1);
  t.is(ends(), 2);
  waiting[0]?.({ tasks: [] });
  t.deepEqual(await answer, { tasks: [] });
});

test('where ends do not reach the question, a busy node asks short ones for a while, and an idle one waits', async (t) => {
  const { context, asked, waiting, seat, move } = open();
  const [one, other] = [seat(1), seat(1)];
  const answer = ask(context, never);
  one.release();
  await move(200);
  await move(1000);
  waiting[0]?.({ tasks: [] });
  await answer;
  void ask(context, never);
  t.is(asked.at(-1)?.wait, 1);
  other.release();
  void ask(context, never);
  t.is(asked.at(-1)?.wait, 20);
  seat(1);
  await move(600_000);
  void ask(context, never);
  t.is(asked.at(-1)?.wait, 20, 'then it is tried again');
});

test('a question that somebody else ends at once is followed by a pause, up to the next release', async (t) => {
  const { context, waiting, seat, move } = open();
  const running = seat(1);
  let isOver = false;
  const over = async (question: Promise<unknown>) => {
    isOver = false;
    await question;
    isOver = true;
  };
  const first = over(ask(context, never));
  waiting[0]?.({ tasks: [] });
  await move(999);
  t.false(isOver);
  await move(1);
  t.true(isOver);
  await first;
  const second = over(ask(context, never));
  waiting[1]?.({ tasks: [] });
  await settle();
  t.false(isOver);
  running.release();
  await second;
});

test('a server of the original, which does not wait, is asked for nothing but tasks', async (t) => {
  const { context, asked, waiting, seat } = open({ leased: false });
  const running = seat(1);
  const answer = ask(context, never);
  running.release();
  await settle();
  waiting[0]?.({ tasks: [] });
  await answer;
  t.is(asked.length, 1);
});

test('a foreman that is told to end hears what the server has just given it', async (t) => {
  const told = new AbortController();
  const { context, waiting, ends } = open();
  const answer = ask(context, told.signal);
  await settle();
  told.abort();
  await settle();
  t.is(ends(), 1);
  waiting[0]?.({ tasks: [{ id: 'given at that very moment' }] });
  t.is((await answer).tasks.length, 1);
});

test('a foreman that was told to end before it asked does not ask', async (t) => {
  const { context, asked } = open();
  t.deepEqual(await ask(context, AbortSignal.abort()), { tasks: [] });
  context.gate.shut();
  t.deepEqual(await ask(context, never), { tasks: [] });
  t.is(asked.length, 0);
});

test('so it does when it is told while an end goes unheard, and waits no longer than for a last one', async (t) => {
  const told = new AbortController();
  const { context, seat, ends, move } = open();
  const { client } = context;
  context.client = {
    dequeue: async (request, options) =>
      request.concurency === 0
        ? client.dequeue(request)
        : new Promise((_resolve, reject) =>
            options?.signal?.addEventListener('abort', () => reject(new Error('given up'))),
          ),
  };
  const running = seat(1);
  let answer: unknown;
  void ask(context, told.signal).then((heard) => (answer = heard));
  running.release();
  await move(200);
  await move(1000);
  await move(1000);
  t.deepEqual([ends(), answer], [4, undefined]);
  told.abort();
  await move(1000);
  t.deepEqual(answer, { tasks: [] });
});

test('a foreman that is told to end takes what one of the original has given, which takes nothing back', async (t) => {
  const told = new AbortController();
  const { context, waiting, asked, move } = open({ leased: false });
  const answer = ask(context, told.signal);
  await settle();
  told.abort();
  await move(199);
  waiting[0]?.({ tasks: [{}] });
  t.is((await answer).tasks.length, 1);
  t.is(asked.length, 1);
});
