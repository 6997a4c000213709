/** Dequeue with few and with a million pending tasks, in few and in many request classes; a restart; memory. */
import path from 'node:path';
import type { Effort, Samples } from './bench.ts';
import { openConnection } from './connection.ts';
import { type Dequeuer, measureInTurn, openDequeuer } from './dequeue-latency.ts';
import { type Layer, startFilled } from './filled-server.ts';
import { gatherSamples, type Gathered } from './samples.ts';
import { percentile, ratios } from './statistics.ts';
import { NOBODY_HAS, OFFER } from './tasks.ts';
import { startServer, type TestedServer } from './tested-server.ts';
import { temporaryDirectory } from './undo.ts';

/** Pending tasks, by the name that figures have. */
const SIZES = { '1e2': 100, '1e4': 10_000, '1e6': 1_000_000 };
const CLASSES = [1, 100, 1000];
/** Figures that do not say how many classes there are mean this many. */
const USUAL_CLASSES = 100;
/** Of a quick bench: the names stay, the sizes do not. */
const SMALL_SIZES: typeof SIZES = { '1e2': 20, '1e4': 50, '1e6': 200 };
const BLOCKED = 10_000;
const RESTARTED = 100_000;
/** Tasks that are taken, ended and put before the server is killed, so that its log of changes is not empty. */
const BEFORE_KILL = 50;
/** Dequeues of one server in one run: enough that some are above the 99th percentile. */
const TIMES = 300;
const WARMING_TIMES = 100;
const QUICK_TIMES = 10;

export async function measureQueue(effort: Effort): Promise<Samples> {
  const directory = await temporaryDirectory();
  const gathered = gatherSamples();
  await measureDequeue(directory, effort, gathered);
  await measureRestart(directory, effort, gathered);
  return gathered.all();
}

async function measureDequeue(directory: string, { runs, quick, say }: Effort, gathered: Gathered): Promise<void> {
  const sizes = Object.entries(quick ? SMALL_SIZES : SIZES);
  const servers = new Map<string, TestedServer>();
  const fill = async (name: string, layers: readonly Layer[]) => {
    const started = performance.now();
    servers.set(name, await startFilled(path.join(directory, name), layers));
    say(`${name}: filled in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  };
  for (const [size, tasks] of sizes) {
    for (const classes of CLASSES) await fill(`${size}_k${classes}`, [{ tasks, classes }]);
  }
  const behind = { tasks: quick ? SMALL_SIZES['1e4'] : SIZES['1e4'], classes: USUAL_CLASSES };
  const blocked = { tasks: quick ? SMALL_SIZES['1e4'] : BLOCKED, classes: USUAL_CLASSES, requires: [NOBODY_HAS] };
  await fill('blocked', [blocked, behind]);

  const dequeuers = new Map<string, Dequeuer>();
  for (const [name, server] of servers) dequeuers.set(name, openDequeuer(server));
  // The first is not counted: a program that has just started is compiled while it runs.
  for (let run = 0; run <= runs; run += 1) {
    say(run === 0 ? 'warming up' : `run ${run} of ${runs}`);
    const times = quick ? QUICK_TIMES : run === 0 ? WARMING_TIMES : TIMES;
    const took = await measureInTurn(dequeuers, times);
    if (run === 0) continue;
    for (const [name, milliseconds] of took) {
      gathered.add(`dequeue_p99_ms_${name}`, percentile(milliseconds, 0.99));
      gathered.add(`dequeue_p50_ms_${name}`, percentile(milliseconds, 0.5));
    }
  }
  for (const dequeuer of dequeuers.values()) await dequeuer.close();
  compare(gathered, Object.keys(SIZES));
  const million = servers.get(`1e6_k${USUAL_CLASSES}`);
  if (million !== undefined) gathered.add('rss_mb_1e6', (await million.peakBytes()) / 1e6);
  for (const server of servers.values()) await server.stop();
}

/** Figures that put two depths of the same run side by side, and those that do not name the usual number of classes. */
function compare(gathered: Gathered, sizes: readonly string[]): void {
  const p99 = (name: string) => gathered.of(`dequeue_p99_ms_${name}`);
  const addAll = (figure: string, values: readonly number[]) => {
    for (const value of values) gathered.add(figure, value);
  };
  const usual = (size: string) => p99(`${size}_k${USUAL_CLASSES}`);
  for (const size of sizes) addAll(`dequeue_p99_ms_${size}`, usual(size));
  addAll('dequeue_p99_ratio_1e6_1e2', ratios(usual('1e6'), usual('1e2')));
  for (const classes of CLASSES) {
    const [deep, flat] = [p99(`1e6_k${classes}`), p99(`1e2_k${classes}`)];
    addAll(`dequeue_p99_ratio_1e6_1e2_k${classes}`, ratios(deep, flat));
  }
  addAll('dequeue_p99_ratio_blocked', ratios(p99('blocked'), usual('1e4')));
}

/** From the start of a server whose predecessor was killed in the middle of its work until it says that it is ready. */
async function measureRestart(directory: string, { runs, quick, say }: Effort, gathered: Gathered): Promise<void> {
  const data = path.join(directory, 'restarted');
  const tasks = quick ? SMALL_SIZES['1e6'] : RESTARTED;
  let server = await startFilled(data, [{ tasks, classes: USUAL_CLASSES }]);
  for (let run = 1; run <= runs; run += 1) {
    const dequeuer = openDequeuer(server);
    for (let time = 0; time < BEFORE_KILL; time += 1) await dequeuer.dequeue();
    await server.kill();
    await dequeuer.close();
    const started = performance.now();
    const since = () => (performance.now() - started) / 1000;
    server = await startServer(data, server.tokens);
    const connection = openConnection(server.url, server.tokens.foreman);
    await connection.ask('GET', '/health/ready/');
    gathered.add('restart_s_1e5', since());
    await connection.ask('POST', '/queue/dequeue/', OFFER);
    gathered.add('restart_to_dequeue_s_1e5', since());
    await connection.close();
  }
  say(`${runs} restarts`);
  await server.stop();
}
