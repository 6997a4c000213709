/** What the whole grid makes of tasks that do nothing, over plain `docker run` of the same; and what an idle foreman uses. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, openClient } from '@kolejka/client';
import type { Effort, Samples } from './bench.ts';
import { milliseconds, shuffle } from './chance.ts';
import { residentBytesOf, threadMsOf } from './process-use.ts';
import { gatherSamples, type Gathered } from './samples.ts';
import { median } from './statistics.ts';
import { startCrowded, startForemen, type TestedForemen } from './tested-foreman.ts';
import { prepareUsers, startServer } from './tested-server.ts';
import { type Asked, openTestedWorker, type TestedWorker, writeTask } from './tested-worker.ts';
import { temporaryDirectory } from './undo.ts';
import { openWays, type Ways } from './ways.ts';

/** Tasks in flight. */
const IN_FLIGHT = [1, 2, 4] as const;
/**
 * Tasks of a run at each of these, starts that are timed, how long after its work a foreman is idle and how long it is
 * watched then, tasks that are held at once.
 */
const FULL = { tasks: 40, starts: 5, settleMs: 12_000, idleMs: 8000, many: 50 };
const QUICK = { tasks: 4, starts: 1, settleMs: 0, idleMs: 1000, many: 3 };

const TASK = { image: 'busybox:stable', args: ['true'], stdout: 'stdout', stderr: 'stderr' };
const LIMITS = { cpus: 1, memory: '32M', swap: 0, pids: 16, time: '300s' };
const MIB = 1024 ** 2;

interface Grid {
  client: Client;
  worker: TestedWorker;
  ways: Ways;
  /** Writes and puts a task for this foreman. */
  asked: (foreman: TestedForemen, args: readonly string[]) => Promise<Asked>;
}

export async function measureGrid({ runs, quick, say }: Effort): Promise<Samples> {
  const sizes = quick ? QUICK : FULL;
  const directory = await temporaryDirectory();
  const data = path.join(directory, 'server');
  const server = await startServer(data, await prepareUsers(data));
  const worker = await openTestedWorker(path.join(directory, 'worker'));
  const client = openClient({ server: server.url, token: server.tokens.client });
  let written = 0;
  const grid: Grid = {
    client,
    worker,
    ways: await openWays(worker, path.join(directory, 'worker')),
    asked: ({ tag }, args) => {
      const place = path.join(directory, 'tasks', String((written += 1)));
      return writeTask(place, { ...TASK, args, requires: [tag], limits: LIMITS });
    },
  };
  const foremen: TestedForemen[] = [];
  for (const places of IN_FLIGHT) foremen.push(await startForemen(directory, server, places));
  const [alone = await startForemen(directory, server, 1)] = foremen;
  const gathered = gatherSamples();
  // The first of each is slower: nothing of it is in memory yet.
  for (const some of foremen) await runTasks(grid, some, some.places);
  for (let run = 1; run <= runs; run += 1) {
    say(`run ${run} of ${runs}`);
    // It looks every ten seconds whether there is memory to give back.
    await sleep(sizes.settleMs);
    await measureUse(alone, 'foreman_idle', sizes.idleMs, gathered);
    await measureStarts(grid, alone, sizes.starts, gathered);
    for (const some of foremen) await measureThroughput(grid, some, sizes.tasks, gathered);
  }
  say(`${sizes.many} tasks at one time`);
  const crowded = await startCrowded(directory, server, sizes.many);
  await measureMany(grid, crowded, sizes, gathered);
  await client.close();
  for (const program of [...foremen, crowded].flatMap(({ programs }) => programs)) await program.stop();
  await server.stop();
  return gathered.all();
}

/** Puts so many tasks at once and waits for all results. */
async function runTasks({ client, asked }: Grid, foreman: TestedForemen, count: number): Promise<void> {
  const task = await asked(foreman, ['true']);
  const put = await Promise.all(Array.from({ length: count }, () => client.putTask(task.directory)));
  for (const { id } of put) {
    const { result } = await client.waitForResult(id);
    // A program that did not run would be a quick one.
    if (result.result !== 0) throw new Error(`a task did not do what it should: ${JSON.stringify(result)}`);
  }
}

async function measureThroughput(grid: Grid, foremen: TestedForemen, count: number, into: Gathered): Promise<void> {
  const { places } = foremen;
  const lane = async () => {
    for (let task = 0; task < count / places; task += 1) await grid.ways.docker_run();
  };
  const ways = {
    grid: () => runTasks(grid, foremen, count),
    docker_run: () => Promise.all(Array.from({ length: places }, lane)),
  };
  const perMinute = { grid: 0, docker_run: 0 };
  for (const way of shuffle(['grid', 'docker_run'] as const)) {
    const ms = await milliseconds(async () => void (await ways[way]()));
    perMinute[way] = (count * 60_000) / ms;
  }
  into.add(`tasks_per_min_${places}`, perMinute.grid);
  into.add(`docker_run_per_min_${places}`, perMinute.docker_run);
  into.add(`over_docker_run_${places}`, perMinute.grid / perMinute.docker_run);
}

/** From putting a task until it is known to run, beside a start by the worker alone. */
async function measureStarts(grid: Grid, foreman: TestedForemen, count: number, into: Gathered): Promise<void> {
  const { client, worker } = grid;
  const times = { put: [] as number[], container: [] as number[] };
  for (let start = 0; start < count; start += 1) {
    const task = await grid.asked(foreman, ['sleep', '1']);
    const begun = performance.now();
    const { id } = await client.putTask(task.directory);
    for await (const { event } of client.watch(id)) if (event === 'running') times.put.push(performance.now() - begun);
    const called = performance.now();
    const started = () => void times.container.push(performance.now() - called);
    await worker.call({ ...(await writeTask(task.directory, { ...TASK, limits: LIMITS })), started });
    await worker.removed();
  }
  const [put, container] = [median(times.put), median(times.container)];
  into.add('put_to_start_ms', put);
  into.add('container_start_ms', container);
  into.add('put_to_start_over_container_ms', put - container);
}

/** What a foreman uses while nothing changes. */
async function measureUse(
  { programs: [program] }: TestedForemen,
  name: string,
  forMs: number,
  into: Gathered,
): Promise<void> {
  const { pid = 0 } = program ?? {};
  const before = await threadMsOf(pid);
  const ms = await milliseconds(() => sleep(forMs));
  into.add(`${name}_cpu_percent`, (((await threadMsOf(pid)) - before) / ms) * 100);
  into.add(`${name}_rss_mb`, (await residentBytesOf(pid)) / MIB);
}

async function measureMany(
  { client, asked }: Grid,
  foreman: TestedForemen,
  { many, idleMs }: typeof FULL,
  into: Gathered,
): Promise<void> {
  const task = await asked(foreman, ['sleep', '300']);
  const put = await Promise.all(Array.from({ length: many }, () => client.putTask(task.directory)));
  for (const { id } of put) {
    for await (const { event } of client.watch(id)) if (event === 'running') break;
  }
  await measureUse(foreman, 'foreman_50_tasks', idleMs, into);
  for (const { id } of put) await client.cancelTask(id);
}
