import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { ROOT } from './command.ts';
import { findLeftovers } from '../packages/worker/test/machine.ts';

const COUNTS = ['c1', 'c8', 'c64'];

/** The figures whose names are kept, whatever else a bench has to say. */
const FIGURES: Record<string, readonly string[]> = {
  server: [
    ...['put', 'dequeue', 'result', 'get'].flatMap((verb) => COUNTS.map((count) => `${verb}_per_s_${count}`)),
    'lives_per_s_c8',
    'errors',
  ],
  queue: [
    ...['1e2', '1e4', '1e6'].map((size) => `dequeue_p99_ms_${size}`),
    'dequeue_p99_ratio_1e6_1e2',
    'dequeue_p99_ratio_blocked',
    'restart_s_1e5',
    'rss_mb_1e6',
  ],
  blobs: ['up_mb_per_s_1g', 'down_mb_per_s_1g', 'up_over_sha256sum', 'rss_mb_1g', 'up_per_s_1k', 'down_per_s_1k'],
  worker: ['library_over_docker_run', 'command_over_docker_run', 'throughput_over_docker_run_2', 'data_1g_over_cp'],
  observer: ['cycles_per_s', 'overhead_ms', 'rss_mb_1000'],
  grid: [
    ...['1', '2', '4'].flatMap((count) => [`tasks_per_min_${count}`, `over_docker_run_${count}`]),
    'put_to_start_ms',
    'foreman_idle_rss_mb',
    'foreman_idle_cpu_percent',
  ],
};

/** What is a difference of two times may be anything where both are short. */
const isDifference = (figure: string) =>
  /^((data|cp)_1g_(bounded_)?(ms|over_cp)|put_to_start_over_container_ms)$/.test(figure);

interface Run {
  exit: number | null;
  stdout: string;
  stderr: string;
  /** Names of what is left in its temporary directory. */
  left: string[];
}

async function startBench(t: ExecutionContext, ...args: string[]) {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-benches-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const main = path.join(ROOT, 'bench', 'main.ts');
  const child = spawn(process.execPath, ['--conditions=kolejka-source', main, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: directory },
  });
  return { child, directory, ended: once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]> };
}

async function runBench(t: ExecutionContext, ...args: string[]): Promise<Run> {
  const { child, directory, ended } = await startBench(t, ...args);
  const [stdout, stderr, [exit]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { exit, stdout, stderr, left: await readdir(directory) };
}

for (const [name, figures] of Object.entries(FIGURES)) {
  // Real servers are started, of `queue` a dozen: that takes its seconds.
  test.serial(`the bench ${name} gives every figure it promises and leaves nothing behind`, async (t) => {
    const { exit, stdout, stderr, left } = await runBench(t, name, '--quick', '--json');
    t.is(exit, 0, stderr);
    const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as {
      name: string;
      machine: string;
      figures: Record<string, number>;
    };
    t.is(report.name, name);
    t.regex(report.machine, /CPUs .* GiB, Linux/);
    for (const figure of figures) t.true(Number.isFinite(report.figures[figure]), `${figure}: ${stdout}`);
    for (const [figure, value] of Object.entries(report.figures)) {
      if (figure === 'errors') t.is(value, 0);
      else if (!isDifference(figure)) t.true(value > 0, `${figure} is ${value}`);
    }
    t.deepEqual(left, []);
  });
}

for (const name of ['server', 'worker']) {
  test.serial(`the bench ${name} that is interrupted leaves nothing behind`, async (t) => {
    const { child, directory, ended } = await startBench(t, name, '--json');
    await once(child.stderr, 'data');
    child.kill('SIGINT');
    t.deepEqual(await ended, [null, 'SIGINT']);
    t.deepEqual(await readdir(directory), []);
    const left = await findLeftovers({ directories: [directory], tasks: [] });
    // The directory itself is removed with the test.
    t.deepEqual(left.toSorted(), [`directory ${directory}`]);
  });
}

test('a bench that is not there is refused with the names of those that are', async (t) => {
  const { exit, stdout, stderr } = await runBench(t, 'speed');
  t.is(exit, 2);
  t.is(stdout, '');
  t.is(stderr, `bench: There is no bench speed: name one of ${Object.keys(FIGURES).join(', ')}.\n`);
});
