import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { realClock } from '@kolejka/program';
import { GridError, parseTask, type Result, TaskId } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { HeldTasks } from '../src/held.ts';
import { runKept } from '../src/run-kept.ts';
import type { LeasedContext } from '../src/run-leased.ts';
import { Seats } from '../src/seats.ts';
import { openSpool } from '../src/spool.ts';
import type { Worker } from '../src/worker.ts';

const ID = TaskId.parse('0123456789abcdef0123456789abcdef');
const TASK = { ...parseTask({ image: 'i', args: ['true'], limits: { cpus: 8, memory: '1G' } }), id: ID };
const DONE: Result = { tags: [], limits: {}, stats: {}, result: 0, reason: 'exit', files: {} };

async function open(t: ExecutionContext, run: Worker['run']) {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-kept-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const limits = { cpus: 2, memory: 1024 ** 3 };
  const seats = new Seats(limits, { cpus: 1, memory: 1024 ** 2 }, 4);
  const results: Result[] = [];
  const held = new HeldTasks();
  const context = {
    client: { putResult: async (result: Result) => void results.push(result) },
    worker: { run, images: { hold: async () => () => undefined } },
    spool: await openSpool(path.join(directory, 'state')),
    offer: { limits, tags: [], defaults: {} },
    held,
    disk: { failed: () => undefined, succeeded: () => undefined, recover: async () => 0 },
    log: { say: () => undefined },
    clock: realClock,
    insisted: new AbortController().signal,
    leased: false,
    seats,
  } as unknown as LeasedContext & { seats: Seats };
  const one = held.add(ID, 1);
  return { context, seats, results, held, one, run: () => runKept(context, TASK, one) };
}

test('a task that cannot be handed back waits for a seat, and gets no more than the node has', async (t) => {
  const { seats, results, run } = await open(t, async ({ limits }) => ({ ...DONE, limits: limits ?? {} }));
  const other = seats.take({ image: 'i', limits: { cpus: 1 }, exclusive: false });
  const ended = run();
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.deepEqual(results, []);
  t.is(seats.room().places, 0, 'nobody new is asked for meanwhile');
  other?.release();
  await ended;
  t.like(results[0]?.limits, { cpus: 2, memory: 1024 ** 3 });
  t.is(seats.room().places, 4);
});

test('a task that cannot be handed back is run again when this node failed it', async (t) => {
  let runs = 0;
  const { results, run, held } = await open(t, async () => {
    runs += 1;
    if (runs === 1) throw new GridError('engine-unreachable', 'Docker is away.');
    return DONE;
  });
  await run();
  t.is(runs, 2);
  t.is(results.length, 1);
  t.is(held.size, 0);
});

test('a task that has no seat when the foreman ends is found by the next start', async (t) => {
  const { context, seats, one, run, held } = await open(t, async () => DONE);
  seats.take({ image: 'i', limits: { cpus: 2 }, exclusive: false });
  const ended = run();
  await new Promise((resolve) => setTimeout(resolve, 20));
  one.stop.abort();
  await ended;
  t.is(held.size, 0);
  t.like(await context.spool.left(), [{ spooled: { task: ID, attempt: 1 }, result: undefined }]);
});

test('tasks wait for seats in the order they came, a small one behind a large one too', async (t) => {
  const { seats } = await open(t, async () => DONE);
  const never = new AbortController().signal;
  const order: string[] = [];
  const other = seats.take({ image: 'i', limits: { cpus: 1 }, exclusive: false });
  const take = async (name: string, cpus: number) => {
    const seat = await seats.takeWhenFree({ image: 'i', limits: { cpus }, exclusive: false }, realClock, never);
    order.push(name);
    return seat;
  };
  const [large, small] = [take('large', 2), take('small', 1)];
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual(order, []);
  other?.release();
  (await large)?.release();
  await small;
  t.deepEqual(order, ['large', 'small']);
});
