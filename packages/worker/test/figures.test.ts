/**
 * Programs that use a known amount, in real containers, against what is measured of them. What the container's own start
 * adds is measured with the same program doing nothing; the processes and memory of the start are fewer, and gone by then.
 */
import { glob, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { openCgroups } from '@kolejka/observer/cgroup';
import { parseTask, type Stats } from '@kolejka/protocol';
import { runTask } from '../src/index.ts';
import { openScene, type Scene } from './scene.ts';

const MEGABYTE = 1024 * 1024;
const SOURCE = await readFile(new URL('programs/burner.c', import.meta.url), 'utf8');
/** Longer than a machine under load takes for any of this. */
const PATIENCE = '120s';

/** Compiles and runs it in one process, so that all but the work is the same each time. */
const burner = (...words: string[]) => ({
  image: 'kolejka/cc:1',
  args: ['tcc', '-run', 'burner.c', ...words],
  limits: { memory: '256M', time: PATIENCE },
});

/** What was measured, and the milliseconds of CPU time that the program has counted itself. */
interface Figures {
  stats: Stats;
  own: { user: number; system: number };
}

async function figuresOf(t: ExecutionContext, { run }: Scene, words: string[], started?: () => void): Promise<Figures> {
  const request = started === undefined ? {} : { started };
  const { result, text } = await run(burner(...words), { 'burner.c': SOURCE }, request);
  t.is(result.reason, 'exit', result.message);
  t.is(result.result, 0, await text('err'));
  const { user, system } = JSON.parse(await text('out')) as Figures['own'];
  return { stats: result.stats, own: { user: user / 1000, system: system / 1000 } };
}

function isNear(t: ExecutionContext, what: string, measured: number | undefined, wanted: number, within: number): void {
  t.true(Math.abs((measured ?? Number.NaN) - wanted) <= within, `${what}: ${measured}, not ${wanted} ± ${within}`);
}

/** What is measured of a run over what the program itself has used: the start of the container and its init. */
async function cpuOf(t: ExecutionContext, scene: Scene, words: string[]) {
  const { stats, own } = await figuresOf(t, scene, words);
  const { cpu_usage: all = Number.NaN, cpu_user: user = Number.NaN, cpu_system: system = Number.NaN } = stats;
  isNear(t, 'both parts', user + system, all, 0.01);
  const cpus = Object.values(stats.cpus ?? {});
  if (cpus.length > 0)
    isNear(
      t,
      'all CPUs',
      cpus.reduce((sum, each) => sum + each, 0),
      all,
      0.01,
    );
  return { own, all: all - own.user - own.system, user: user - own.user, system: system - own.system };
}

const median = (values: number[]) => values.toSorted((one, other) => one - other)[values.length >> 1] ?? Number.NaN;

test('1 s of user and 1 s of system CPU time are measured within 2 %, less what the start takes', async (t) => {
  const scene = await openScene(t);
  const starts = [];
  for (let round = 0; round < 3; round += 1) starts.push(await cpuOf(t, scene, []));
  for (const which of ['user', 'system'] as const) {
    const { own, ...over } = await cpuOf(t, scene, [which, '1000']);
    t.true(own[which] >= 1000 && own[which] < 1500, `the program used ${own[which]} ms`);
    for (const part of ['all', 'user', 'system'] as const) {
      isNear(t, `${part} of ${which}`, over[part] - median(starts.map((start) => start[part])), 0, 20);
    }
  }
});

test('64 MB of memory are measured within 2 MB, with page cache exactly and without by samples', async (t) => {
  const scene = await openScene(t);
  const held = async (bytes: number) => {
    const seen = Promise.withResolvers<void>();
    const started = () => void letGo(scene.context.temp, String(bytes)).then(seen.resolve, seen.reject);
    const { stats } = await figuresOf(t, scene, ['memory', String(bytes)], started);
    await seen.promise;
    return stats;
  };
  const [least, most] = [await held(16 * MEGABYTE), await held(80 * MEGABYTE)];
  for (const name of ['memory_max_usage', 'memory_max_program'] as const) {
    isNear(t, name, (most[name] ?? 0) - (least[name] ?? 0), 64 * MEGABYTE, 2 * MEGABYTE);
    // What the program and the start need themselves.
    isNear(t, `${name} in all`, most[name], 80 * MEGABYTE, 8 * MEGABYTE);
  }
});

/** Lets the program go on when it holds its memory and a few samples of the watch, which this process takes, have gone by. */
async function letGo(temp: string, name: string): Promise<void> {
  for (;;) {
    const [held] = await Array.fromAsync(glob(`**/${name}`, { cwd: temp }));
    if (held === undefined) await sleep(20);
    else {
      await sleep(200);
      return writeFile(path.join(temp, path.dirname(held), 'seen'), '');
    }
  }
}

test('20 processes are measured exactly, beside the init of the container', async (t) => {
  const scene = await openScene(t);
  const { stats: start } = await figuresOf(t, scene, []);
  t.true((start.pids_max_usage ?? 99) < 20, `the start needs ${start.pids_max_usage} at one time`);
  const { stats } = await figuresOf(t, scene, ['processes', '20']);
  t.is(stats.pids_max_usage, 21);
});

test('every measurement that is in a result is a number, and those of now are left out', async (t) => {
  const { stats } = await figuresOf(t, await openScene(t), ['user', '100']);
  for (const [name, value] of Object.entries(stats)) if (name !== 'cpus') t.true(Number.isFinite(value), name);
  t.like(stats, { memory_usage: undefined, memory_program: undefined, memory_swap: undefined, pids_usage: undefined });
  t.true((stats.memory_max_program ?? 0) <= (stats.memory_max_usage ?? 0));
  t.is(stats.pressure_io_full === undefined, stats.pressure_cpu_some === undefined, 'the kernel has all or none');
});

/** Software events in place of those that take hardware: page faults, and nanoseconds of CPU time. */
const EVENTS = { perf_instructions: { type: 1, config: 2 }, perf_cycles: { type: 1, config: 1 } };

async function runCounted(t: ExecutionContext, script: string, limits: object, events = EVENTS) {
  const { context, directory } = await openScene(t);
  const cgroups = openCgroups(context.engine.cgroupDriver, events);
  const task = parseTask({
    image: 'busybox:stable',
    args: ['sh', '-c', script],
    limits: { memory: '64M', time: PATIENCE, ...limits },
  });
  const resultDirectory = path.join(directory, 'result');
  return runTask({ ...context, cgroups }, { task, taskDirectory: directory, resultDirectory });
}

test('a task over what its counters may count is ended, with that reason', async (t) => {
  const { reason, result, stats } = await runCounted(t, 'while :; do :; done', { perf_cycles: 300_000_000 });
  t.is(reason, 'perf');
  t.is(result, 137);
  isNear(t, 'nanoseconds', (stats.perf_cycles ?? 0) / 1e6, stats.cpu_usage ?? 0, 60);
  t.true((stats.perf_cycles ?? 0) > 300_000_000, `${stats.perf_cycles} ns`);
  t.is(stats.perf_instructions, undefined, 'nobody has asked for it');
});

test('a task that was over it at its end has that reason, and one below it does not', async (t) => {
  const over = await runCounted(t, 'true', { perf_cycles: 1 });
  t.is(over.reason, 'perf');
  const below = await runCounted(t, 'true', { perf_cycles: '10G', perf_instructions: '1G' });
  t.is(below.reason, 'exit');
  t.true((below.stats.perf_cycles ?? 0) > 0);
  t.true((below.stats.perf_instructions ?? 0) > 0, 'page faults');
});

test('a limit that takes counters which this machine lacks is refused before the start, with the reason', async (t) => {
  // PERF_TYPE_SOFTWARE has no such event.
  const none = { ...EVENTS, perf_cycles: { type: 1, config: 999 } };
  const refused = await runCounted(t, 'true', { perf_cycles: '1G' }, none);
  t.is(refused.reason, 'infrastructure');
  t.is(refused.result, undefined);
  t.regex(refused.message ?? '', /^limits\.perf_cycles: this node cannot keep it: its CPU has no counter for it/);
  const other = await runCounted(t, 'true', { perf_instructions: '1G' }, none);
  t.is(other.reason, 'exit');
});
