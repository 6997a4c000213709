import { realClock } from '@kolejka/program';
import { ForemanName } from '@kolejka/protocol';
import test from 'ava';
import { Disk } from '../src/disk.ts';
import { HeldTasks } from '../src/held.ts';
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
    worker: { findAway: async () => undefined },
    clock: realClock,
    offer: { limits: {}, tags: [], defaults: {} },
    held: new HeldTasks(),
    disk: new Disk('/dev/null/runs'),
    log: { say: () => undefined },
    foreman: ForemanName.parse('node'),
    seats: new Seats({}, {}, 3),
    leased: true,
    interval: 7000,
    running: new Set(),
    ...given,
  } as unknown as PullContext;
  return { context, asked };
}

test('a server that waits itself is asked again at once', async (t) => {
  const { context, asked } = open({});
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
