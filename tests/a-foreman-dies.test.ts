import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openGrid, type TestGrid, until } from './grid.ts';

/** A task that sleeps, and counts nothing: what matters is where it runs and how often. */
async function putSleeper(grid: TestGrid, seconds: number): Promise<string> {
  const directory = path.join(grid.directory, `sleeper-${seconds}`);
  await mkdir(directory);
  const limits = { cpus: 1, memory: '32M', pids: 16, time: '60s' };
  const spec = { image: 'busybox:stable', args: ['sh', '-c', `sleep ${seconds}; echo done`], stdout: 'out', limits };
  await writeFile(path.join(directory, 'kolejka_task.json'), JSON.stringify(spec));
  return await grid.put(directory);
}

const names = async (grid: TestGrid, task: string) => {
  const seen: string[] = [];
  const stop = AbortSignal.timeout(500);
  try {
    for await (const { event } of grid.client.watch(task, { signal: stop })) seen.push(event);
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  return seen;
};

async function untilRunning(t: ExecutionContext, grid: TestGrid, task: string): Promise<void> {
  await until(
    'running',
    () => names(grid, task),
    (seen) => seen.includes('running'),
  );
  t.pass();
}

test.serial('a task whose foreman is killed is run again by another and resolved once', async (t) => {
  const grid = await openGrid(t);
  const first = await grid.startForeman('first');
  const task = await putSleeper(grid, 3);
  await untilRunning(t, grid, task);
  first.kill();
  await first.ended;
  await grid.startForeman('second');
  const result = await grid.wait(task);
  t.is(result.result, 0);
  const events = await grid.events(task);
  t.deepEqual(
    events.map(({ event }) => event),
    ['created', 'assigned', 'running', 'lost', 'assigned', 'running', 'resolved'],
  );
  t.deepEqual(
    events.filter(({ event }) => event === 'assigned').map(({ foreman, attempt }) => [String(foreman), attempt]),
    [
      ['first', 1],
      ['second', 2],
    ],
  );
  t.deepEqual(await grid.finish(), []);
});

test.serial('a foreman that is asked to end lets its task end, and takes no other', async (t) => {
  const grid = await openGrid(t);
  const foreman = await grid.startForeman('one');
  const task = await putSleeper(grid, 2);
  await untilRunning(t, grid, task);
  const stopped = foreman.stop();
  const later = await putSleeper(grid, 0);
  await stopped;
  t.is((await grid.wait(task)).result, 0);
  t.deepEqual(await names(grid, later), ['created']);
  t.deepEqual(await grid.finish(), []);
});

test.serial('a foreman that is asked twice hands its task back at once, and that is no loss', async (t) => {
  const grid = await openGrid(t);
  const foreman = await grid.startForeman('one');
  const task = await putSleeper(grid, 30);
  await untilRunning(t, grid, task);
  const first = foreman.stop();
  // Two signals that come before the first is heard are one to the kernel.
  const log = () => readFile(path.join(grid.directory, 'logs', 'foreman.log'), 'utf8');
  await until('draining', log, (text) => text.includes('foreman-draining'));
  await Promise.all([first, foreman.stop()]);
  t.deepEqual(await names(grid, task), ['created', 'assigned', 'running', 'returned']);
  t.deepEqual(await grid.finish(), []);
});
