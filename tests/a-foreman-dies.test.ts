import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { runCommand } from './command.ts';
import { openGrid, type TestGrid, until } from './grid.ts';
import { findLeftovers } from '../packages/worker/test/machine.ts';

/** A task that sleeps, and counts nothing: what matters is where it runs and how often. */
async function putSleeper(grid: TestGrid, seconds: number): Promise<string> {
  const directory = path.join(grid.directory, `sleeper-${seconds}`);
  await mkdir(directory);
  const limits = { cpus: 1, memory: '32M', pids: 16, time: '60s' };
  const spec = { image: 'busybox:stable', args: ['sh', '-c', `sleep ${seconds}; echo done`], stdout: 'out', limits };
  await writeFile(path.join(directory, 'kolejka_task.json'), JSON.stringify(spec));
  return await grid.put(directory);
}

/** The events of a task up to the first of that name. */
async function eventsUntil(grid: TestGrid, task: string, name: string): Promise<string[]> {
  const seen: string[] = [];
  for await (const { event } of grid.client.watch(task, { signal: AbortSignal.timeout(60_000) })) {
    seen.push(event);
    if (event === name) break;
  }
  return seen;
}

test.serial('a task whose foreman is killed is run again by another and resolved once', async (t) => {
  const grid = await openGrid(t);
  const first = await grid.startForeman('first');
  const task = await putSleeper(grid, 3);
  t.true((await eventsUntil(grid, task, 'running')).includes('running'));
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

const readLog = (grid: TestGrid) => async () => readFile(path.join(grid.directory, 'logs', 'foreman.log'), 'utf8');

test.serial('a foreman that is asked to end lets its task end, and takes no other', async (t) => {
  const grid = await openGrid(t);
  const foreman = await grid.startForeman('one');
  const task = await putSleeper(grid, 2);
  t.true((await eventsUntil(grid, task, 'running')).includes('running'));
  const stopped = foreman.stop();
  await until('draining', readLog(grid), (text) => text.includes('foreman-draining'));
  const later = await putSleeper(grid, 0);
  await stopped;
  t.is((await grid.wait(task)).result, 0);
  t.like(await grid.client.taskState(later), { state: 'pending', losses: 0 });
  t.deepEqual(await grid.finish(), []);
});

test.serial('a foreman that is asked twice hands its task back at once, and that is no loss', async (t) => {
  const grid = await openGrid(t);
  const foreman = await grid.startForeman('one');
  const task = await putSleeper(grid, 30);
  t.true((await eventsUntil(grid, task, 'running')).includes('running'));
  const first = foreman.stop();
  // Two signals that come before the first is heard are one to the kernel.
  await until('draining', readLog(grid), (text) => text.includes('foreman-draining'));
  await Promise.all([first, foreman.stop()]);
  t.deepEqual(await eventsUntil(grid, task, 'returned'), ['created', 'assigned', 'running', 'returned']);
  t.deepEqual(await grid.finish(), []);
});

test.serial('a task that is cancelled ends on its node, long before its lease would want renewing', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one');
  const task = await putSleeper(grid, 50);
  await eventsUntil(grid, task, 'running');
  t.is((await grid.command('task', 'cancel', task)).exit, 0);
  const begun = performance.now();
  await until(
    'the end of the container',
    () => findLeftovers({ directories: [], tasks: [task] }),
    (left) => left.length === 0,
  );
  t.log(`gone after ${Math.round(performance.now() - begun)} ms`);
  t.deepEqual(await grid.finish(), []);
});

test.serial('a foreman that is killed and started again says at once what it has lost', async (t) => {
  const grid = await openGrid(t);
  const first = await grid.startForeman('one');
  const task = await putSleeper(grid, 3);
  await eventsUntil(grid, task, 'running');
  first.kill();
  await first.ended;
  await grid.startForeman('one');
  t.is((await grid.wait(task)).result, 0);
  const events = await grid.events(task);
  const [lost] = events.filter(({ event }) => event === 'lost');
  t.regex(lost?.message ?? '', /foreman one died over it/);
  t.deepEqual(await grid.finish(), []);
});

test.serial('a foreman is drained, says so, and takes tasks again when it is resumed', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one');
  const tell = (...args: string[]) =>
    runCommand('kolejka-foreman', ['--name', 'one', '--state', path.join(grid.directory, 'state'), ...args]);
  const drained = await tell('drain', '--wait');
  t.is(drained.exit, 0, drained.stderr);
  t.regex(drained.stdout, /^one \(process \d+\) at http\S+ drains: it takes no new tasks\nfree: .*\n0 tasks\n$/);
  const task = await putSleeper(grid, 0);
  t.like(JSON.parse((await tell('status', '--json')).stdout), { foreman: 'one', draining: true, tasks: [] });
  t.like(await grid.client.taskState(task), { state: 'pending', attempt: 0 });
  t.is((await tell('resume')).exit, 0);
  t.is((await grid.wait(task)).result, 0);
  const none = await runCommand('kolejka-foreman', ['status', '--name', 'none', '--state', grid.directory]);
  t.is(none.exit, 5);
  t.regex(none.stderr, /No kolejka-foreman answers in/);
  t.deepEqual(await grid.finish(), []);
});
