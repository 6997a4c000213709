import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GridError, parseTask, type Result, TaskId } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { Disk } from '../src/disk.ts';
import { HeldTasks } from '../src/held.ts';
import { type LeasedContext, runLeased } from '../src/run-leased.ts';
import { Seats } from '../src/seats.ts';

const ID = TaskId.parse('0123456789abcdef0123456789abcdef');
/** Its file is not on the server, so no container is needed to come to a result. */
const TASK = parseTask({ image: 'none', args: ['true'], files: { a: { reference: ID } } });

async function open(t: ExecutionContext, accept: (result: Result, temp: string) => Promise<void> = async () => {}) {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-leased-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const temp = path.join(directory, 'runs');
  const held = new HeldTasks();
  const said: string[] = [];
  const context = {
    client: {
      downloadTo: () => Promise.reject(new GridError('not-found', 'There is no such reference.')),
      putResult: (result: Result) => accept(result, temp),
    },
    worker: { temp, engine: { docker: { ping: async () => 'OK' } } },
    offer: { limits: {}, tags: [], defaults: {} },
    held,
    disk: new Disk(temp),
    log: { say: (name: string) => void said.push(name) },
    insisted: new AbortController().signal,
  } as unknown as LeasedContext;
  const seats = new Seats({}, {}, 1);
  const run = async () => {
    const seat = seats.take(TASK);
    if (seat !== undefined) await runLeased(context, TASK, held.add(ID, 1), seat);
  };
  return { temp, held, said, disk: context.disk, run };
}

test('a task whose files are not there has a result that says so', async (t) => {
  const results: Result[] = [];
  const { run, held, said } = await open(t, async (result) => void results.push(result));
  await run();
  t.is(results[0]?.reason, 'infrastructure');
  t.is(results[0]?.message, 'There is no such reference.');
  t.deepEqual(said, ['task-not-begun', 'result-accepted']);
  t.is(held.size, 0);
});

test('regression: a directory that cannot be removed does not take back a result that was accepted', async (t) => {
  const { run, held, said } = await open(t, async (_result, temp) => {
    // A link to itself: what is below it can neither be found nor be said to be gone.
    await rename(temp, `${temp}-aside`);
    await symlink(temp, temp);
  });
  await run();
  t.deepEqual(said, ['task-not-begun', 'result-accepted', 'left-behind']);
  t.is(held.size, 0);
});

test('regression: a node whose disk fails hands the task back and takes no other', async (t) => {
  const { temp, run, held, said, disk } = await open(t);
  await writeFile(temp, 'in the way');
  await run();
  t.deepEqual(said, ['task-failed-here', 'task-returned']);
  t.is(held.report()[0]?.phase, 'returned');
  await t.throwsAsync(disk.recover(), { code: 'node-unfit' });
});
