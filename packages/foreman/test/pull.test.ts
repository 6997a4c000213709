import { realClock } from '@kolejka/program';
import { ForemanName, GridError } from '@kolejka/protocol';
import test from 'ava';
import { Ending } from '../src/ask.ts';
import { Disk } from '../src/disk.ts';
import { Gate } from '../src/gate.ts';
import { HeldTasks } from '../src/held.ts';
import { NO_IMAGES } from '../src/images.ts';
import { type PullContext, pullPass } from '../src/pull.ts';
import { Seats } from '../src/seats.ts';

const never = new AbortController().signal;

function open(given: Partial<PullContext>) {
  const asked: number[] = [];
  const context = {
    client: {
      dequeue: async ({ concurency }: { concurency: number }) => {
        asked.push(concurency);
        return { tasks: [] };
      },
    },
    worker: { findAway: async () => undefined, images: NO_IMAGES },
    clock: realClock,
    offer: { limits: {}, tags: [], defaults: {} },
    held: new HeldTasks(),
    disk: new Disk('/dev/null/runs'),
    log: { say: () => undefined },
    foreman: ForemanName.parse('node'),
    gate: new Gate(),
    seats: new Seats({}, {}, 3),
    leased: true,
    stated: ['cpus'],
    ending: new Ending(),
    interval: 7000,
    running: new Set(),
    ...given,
  } as unknown as PullContext;
  return { context, asked };
}

test('a server that waits itself is asked again at once', async (t) => {
  let time = 0;
  const { context, asked } = open({ clock: { ...realClock, monotonic: () => (time += 20_000) } });
  t.is(await pullPass(context, never), 0);
  t.deepEqual(asked, [3]);
});

test('regression: a server of the original that has no task is asked again after a pause', async (t) => {
  const { context, asked } = open({ leased: false });
  t.is(await pullPass(context, never), 7000);
  t.deepEqual(asked, [2], 'it gives one more than it is asked for');
});

test('regression: a node whose disk failed asks for no task', async (t) => {
  const { context, asked } = open({});
  context.disk.failed();
  await t.throwsAsync(pullPass(context, never), { code: 'node-unfit' });
  t.deepEqual(asked, []);
});

/** A server whose question waits until an end comes, and which then gives these tasks. */
function waiting(...tasks: { id: string; image: string; args: string[] }[]) {
  const asked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let count = 0;
  const dequeue = async ({ concurency }: { concurency: number }) => {
    if (concurency === 0) {
      ended.resolve();
      return { tasks: [] };
    }
    count += 1;
    asked.resolve();
    await ended.promise;
    return { tasks, leases: tasks.map(({ id }) => ({ task: id, attempt: 2 })) };
  };
  const client = { dequeue } as unknown as PullContext['client'];
  return { client, asked: asked.promise, count: () => count };
}

test('a foreman that is drained gives up waiting, and asks no more until it is resumed', async (t) => {
  const { client, asked, count } = waiting();
  const { context } = open({ client });
  const pass = pullPass(context, never);
  await asked;
  context.gate.shut();
  t.is(await pass, 0);
  const next = pullPass(context, never);
  context.gate.open();
  t.is(await next, 0);
  t.is(count(), 1);
});

test('regression: a task that was given when the foreman was told to end goes back at once', async (t) => {
  const id = 'a'.repeat(32);
  const { client, asked } = waiting({ id, image: 'x', args: ['x'] });
  const { context } = open({ client });
  const told = new AbortController();
  const pass = pullPass(context, told.signal);
  await asked;
  told.abort();
  await pass;
  t.like(context.held.report(), [{ task: id, attempt: 2, phase: 'returned' }]);
  t.is(context.running.size, 0);
});

test('a node that is short of disk or memory asks for no task, and its status says why', async (t) => {
  const short = new GridError('node-unfit', 'The disk is short.');
  const { context, asked } = open({});
  context.worker.findAway = async () => short;
  t.is(await t.throwsAsync(pullPass(context, never)), short);
  t.deepEqual([asked, context.gate.trouble], [[], 'The disk is short.']);
  context.worker.findAway = async () => undefined;
  await pullPass(context, never);
  t.is(context.gate.trouble, undefined);
});
