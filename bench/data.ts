/** A large file into a task and out of it, over `cp` of the same bytes to a place and, by the same program, back. */
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { milliseconds, shuffle } from './chance.ts';
import { runChild } from './child.ts';
import { writeRandomFile } from './large-file.ts';
import type { Gathered } from './samples.ts';
import { type Asked, type TestedWorker, writeTask } from './tested-worker.ts';
import { BOUNDS, dockerRun, IMAGE } from './ways.ts';

/** The program copies its file to its results. That is its own business, so the other side has it copied by the same. */
const TASK = {
  image: IMAGE,
  args: ['cp', 'data', '/var/lib/kolejka/result/data'],
  files: { data: 'data' },
  limits: { pids: 64, time: '240s' },
};

const TASKS = { free: TASK, bounded: { ...TASK, limits: { ...TASK.limits, ...BOUNDS } } };

/** One run: tasks with the large file, the same with one byte, and `cp`, in an order of chance. */
export async function measureData(worker: TestedWorker, directory: string, bytes: number, into: Gathered) {
  const large = await writeTask(path.join(directory, 'large'), TASK);
  const tiny = await writeTask(path.join(directory, 'tiny'), TASK);
  const file = path.join(large.directory, 'data');
  await writeRandomFile(file, bytes);
  await writeFile(path.join(tiny.directory, 'data'), '.');

  const run = async (asked: Asked, task: object, expected: number) => {
    const result = await worker.call({ ...asked, task });
    const { size } = await stat(path.join(result, 'data'));
    if (size !== expected) throw new Error(`${size} bytes came out of ${expected}`);
    return result;
  };
  const there = path.join(directory, 'there');
  const mounted = ['--rm', '--network=none', '--volume', `${there}:/there`, IMAGE];
  const copyBack = dockerRun([...mounted, 'cp', '/there/data', '/there/back'], `${path.basename(directory)}-data`);
  const copy = async (from: string) => {
    await mkdir(there);
    await runChild('cp', [from, path.join(there, 'data')]);
    await copyBack();
    return there;
  };
  const work = {
    large: () => run(large, TASKS.free, bytes),
    tiny: () => run(tiny, TASKS.free, 1),
    largeBounded: () => run(large, TASKS.bounded, bytes),
    tinyBounded: () => run(tiny, TASKS.bounded, 1),
    cp: () => copy(file),
    tinyCp: () => copy(path.join(tiny.directory, 'data')),
  };
  const times = { large: 0, tiny: 0, largeBounded: 0, tinyBounded: 0, cp: 0, tinyCp: 0 };
  for (const each of shuffle(Object.keys(work) as (keyof typeof work)[])) {
    // What the one before has left to be written must not be in the time of the next.
    await runChild('sync', ['--file-system', directory]);
    let made = '';
    times[each] = await milliseconds(async () => (made = await work[each]()));
    await worker.removed();
    await rm(made, { recursive: true, force: true });
  }
  await rm(directory, { recursive: true });
  const free = times.large - times.tiny;
  const bounded = times.largeBounded - times.tinyBounded;
  const cp = times.cp - times.tinyCp;
  into.add('cp_1g_ms', cp);
  into.add('data_1g_ms', free);
  into.add('data_1g_bounded_ms', bounded);
  into.add('data_1g_over_cp', free / cp);
  into.add('data_1g_bounded_over_cp', bounded / cp);
}
