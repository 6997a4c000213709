import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { realClock } from '@kolejka/program';
import { ForemanName, GridError, parseTask, type Result, TaskId } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { Gate } from '../src/gate.ts';
import { Ending } from '../src/ask.ts';
import { HeldTasks } from '../src/held.ts';
import { NO_IMAGES } from '../src/images.ts';
import { recover, type RecoverContext } from '../src/recover.ts';
import { Seats } from '../src/seats.ts';
import { openSpool } from '../src/spool.ts';

const ID = TaskId.parse('0123456789abcdef0123456789abcdef');
const RESULT: Result = { tags: [], limits: {}, stats: {}, result: 7, reason: 'exit', files: {} };

async function open(t: ExecutionContext, given: Partial<RecoverContext> = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-recover-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const handedIn: [Result, number | undefined][] = [];
  const said: string[] = [];
  const context = {
    client: {
      putResult: async (result: Result, _directory: string, attempt?: number) => void handedIn.push([result, attempt]),
      showTask: async () => ({ ...parseTask({ image: 'i', args: ['true'] }), id: ID }),
    },
    worker: { run: async () => ({ ...RESULT, result: 8 }), images: NO_IMAGES },
    spool: await openSpool(path.join(directory, 'state')),
    offer: { limits: {}, tags: [], defaults: {} },
    held: new HeldTasks(),
    disk: { failed: () => undefined, succeeded: () => undefined, recover: async () => 0 },
    log: { say: (name: string) => void said.push(name) },
    clock: realClock,
    insisted: new AbortController().signal,
    foreman: ForemanName.parse('node'),
    leased: true,
    stated: ['cpus'],
    ending: new Ending(),
    interval: 1000,
    gate: new Gate(),
    seats: new Seats({}, {}, 1),
    running: new Set(),
    ...given,
  } as unknown as RecoverContext;
  const settle = async () => {
    while (context.running.size > 0) await Promise.all(context.running);
  };
  return { context, handedIn, said, settle };
}

test('a result that an earlier process has left is handed in under its attempt and forgotten', async (t) => {
  const { context, handedIn, said, settle } = await open(t);
  await (await context.spool.add(ID, 2)).keep(RESULT);
  await recover(context);
  t.deepEqual(context.held.report(), [{ task: ID, attempt: 2, phase: 'running' }], 'its lease is renewed meanwhile');
  await settle();
  t.deepEqual(handedIn, [[{ ...RESULT, id: ID }, 2]]);
  t.deepEqual(said, ['result-found', 'result-accepted']);
  t.is(context.held.size, 0);
  t.deepEqual(await context.spool.left(), []);
});

test('a result that the server refuses, for another has the task, is forgotten too', async (t) => {
  const { context, said, settle } = await open(t);
  context.client.putResult = () => Promise.reject(new GridError('stale-lease', 'Not yours.'));
  await (await context.spool.add(ID, 1)).keep(RESULT);
  await recover(context);
  await settle();
  t.deepEqual(said, ['result-found', 'result-refused']);
  t.deepEqual(await context.spool.left(), []);
});

test('a task that an earlier process died over is told to be lost at once', async (t) => {
  const { context, handedIn, settle } = await open(t);
  await context.spool.add(ID, 3);
  await recover(context);
  await settle();
  t.deepEqual(context.held.report(), [{ task: ID, attempt: 3, phase: 'lost' }]);
  t.deepEqual(handedIn, []);
  t.deepEqual(await context.spool.left(), []);
});

test('a server of the original takes nothing back, so there the task is run again', async (t) => {
  const { context, handedIn, settle } = await open(t, { leased: false });
  await context.spool.add(ID, 1);
  await recover(context);
  await settle();
  t.deepEqual(
    handedIn.map(([{ result }]) => result),
    [8],
  );
  t.is(context.held.size, 0);
});
