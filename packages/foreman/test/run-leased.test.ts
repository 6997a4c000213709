import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { realClock } from '@kolejka/program';
import { GridError, parseTask, type Result, TaskId } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { Disk } from '../src/disk.ts';
import { HeldTasks } from '../src/held.ts';
import { NO_IMAGES } from '../src/images.ts';
import { type LeasedContext, runLeased } from '../src/run-leased.ts';
import type { Worker } from '../src/worker.ts';
import { Seats } from '../src/seats.ts';
import { openSpool } from '../src/spool.ts';

const ID = TaskId.parse('0123456789abcdef0123456789abcdef');
/** Its file is not on the server, so no container is needed to come to a result. */
const TASK = parseTask({ image: 'none', args: ['true'], files: { a: { reference: ID } } });

interface Options {
  leased?: boolean;
  refusal?: GridError;
  accept?: (result: Result, state: string) => Promise<void>;
  run?: Worker['run'];
}

async function open(t: ExecutionContext, given: Options = {}) {
  const { accept = async () => {}, run: runTask, leased = true } = given;
  const { refusal = new GridError('not-found', 'There is no such reference.') } = given;
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-leased-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const [temp, state] = [path.join(directory, 'runs'), path.join(directory, 'state')];
  const held = new HeldTasks();
  const said: string[] = [];
  const insisted = new AbortController();
  const spool = await openSpool(state);
  const context = {
    client: {
      downloadTo: async () => {
        if (runTask === undefined) throw refusal;
      },
      putResult: (result: Result) => accept(result, state),
    },
    worker: { run: runTask, images: NO_IMAGES },
    spool,
    offer: { limits: {}, tags: [], defaults: {} },
    held,
    disk: new Disk(temp),
    log: { say: (name: string) => void said.push(name) },
    clock: realClock,
    insisted: insisted.signal,
    leased,
  } as unknown as LeasedContext;
  const seats = new Seats({}, {}, 1);
  const run = async () => {
    const seat = seats.take(TASK);
    if (seat !== undefined) await runLeased(context, TASK, held.add(ID, 1), seat);
  };
  return { temp, state, spool, held, said, disk: context.disk as Disk, run, insisted, seats };
}

test('a task whose files are not there has a result that says so', async (t) => {
  const results: Result[] = [];
  const { run, held, said } = await open(t, { accept: async (result) => void results.push(result) });
  await run();
  t.is(results[0]?.reason, 'infrastructure');
  t.is(results[0]?.message, 'There is no such reference.');
  t.deepEqual(said, ['task-not-begun', 'result-accepted']);
  t.is(held.size, 0);
});

const REFUSAL = new GridError('not-permitted', 'This reference is of another user.');

test('regression: a task whose files are refused, for its lease is lost, is dropped and not answered with a result', async (t) => {
  const { run, held, said } = await open(t, { refusal: REFUSAL });
  await run();
  t.deepEqual(said, ['task-dropped']);
  t.is(held.size, 0);
});

test('a task whose files a server without leases refuses has a result that says so', async (t) => {
  const { run, said } = await open(t, { refusal: REFUSAL, leased: false });
  await run();
  t.deepEqual(said, ['task-not-begun', 'result-accepted']);
});

test('regression: a directory that cannot be removed does not take back a result that was accepted', async (t) => {
  const { run, held, said } = await open(t, {
    accept: async (_result, state) => {
      // A link to itself: what is below it can neither be found nor be said to be gone.
      const tasks = path.join(state, 'tasks');
      await rename(tasks, `${tasks}-aside`);
      await symlink(tasks, tasks);
    },
  });
  await run();
  t.deepEqual(said, ['task-not-begun', 'result-accepted', 'left-behind']);
  t.is(held.size, 0);
});

test('regression: a node whose disk fails hands the task back and takes no other', async (t) => {
  const { temp, state, run, held, said, disk } = await open(t);
  await rm(path.join(state, 'tasks'), { recursive: true });
  await writeFile(path.join(state, 'tasks'), 'in the way');
  await writeFile(temp, 'in the way');
  await run();
  t.deepEqual(said, ['task-failed-here', 'task-returned']);
  t.is(held.report()[0]?.phase, 'returned');
  await t.throwsAsync(disk.recover(), { code: 'node-unfit' });
});

const DONE: Result = { tags: [], limits: {}, stats: {}, result: 0, reason: 'exit', files: {} };

test('a result that the server has is forgotten here', async (t) => {
  const { run, spool, state } = await open(t, { run: async () => DONE });
  await run();
  t.deepEqual(await spool.left(), []);
  t.deepEqual(await readdir(path.join(state, 'tasks')), []);
});

test('a result that was not handed in before the foreman had to end is kept for the next start, and not handed back', async (t) => {
  const scene = await open(t, {
    run: async () => DONE,
    accept: async () => {
      scene.insisted.abort();
      throw new GridError('server-unreachable', 'nobody there');
    },
  });
  await scene.run();
  t.is(scene.held.size, 0);
  t.is(scene.seats.room().places, 1);
  const [left] = await scene.spool.left();
  t.like(left, { spooled: { task: ID, attempt: 1 }, result: DONE });
});

test('a result that cannot be kept is handed in all the same', async (t) => {
  const results: Result[] = [];
  const { run, said, state } = await open(t, {
    accept: async (result) => void results.push(result),
    run: async () => {
      await mkdir(path.join(state, 'tasks', `${ID}.1`, 'kept.json.new'));
      return DONE;
    },
  });
  await run();
  t.is(results.length, 1);
  t.deepEqual(said, ['result-not-kept', 'result-accepted']);
});

test('a task that hangs in the kernel is lost to the server, and holds its place until it is gone', async (t) => {
  const [stuck, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const results: Result[] = [];
  const scene = await open(t, {
    accept: async (result) => void results.push(result),
    run: async (request) => {
      request.stuck?.();
      stuck.resolve();
      await gone.promise;
      return DONE;
    },
  });
  const run = scene.run();
  await stuck.promise;
  t.is(scene.held.report()[0]?.phase, 'lost');
  t.is(scene.seats.room().places, 0);
  gone.resolve();
  await run;
  t.is(scene.seats.room().places, 1);
  t.deepEqual(results, []);
});
