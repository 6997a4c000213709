import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { EXAMPLES, openGrid } from './grid.ts';

const example = (name: string) => path.join(EXAMPLES, name);

test.serial('hello travels the whole grid and comes back with its statistics', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one');
  const { result, text, said } = await grid.execute(example('hello'));
  t.is(said.exit, 0);
  t.regex(said.stderr, /assigned.*one[^]*running[^]*resolved/);
  t.is(result.result, 0);
  t.is(result.reason, 'exit');
  t.is(await text('stdout.txt'), 'Linux\n');
  const { stats } = JSON.parse(await text('kolejka_result.json')) as {
    stats: { time: string } & Record<'cpu' | 'memory' | 'pids', Record<string, unknown>>;
  };
  t.regex(String(stats.cpu['usage']), /^\d+\.\d+s$/);
  t.regex(String(stats.memory['max_usage']), /^\d+b$/);
  t.true(Number(stats.pids['max_usage']) > 0);
  t.regex(stats.time, /^[\d.e-]+s$/);
  t.deepEqual(await grid.finish(), []);
});

test.serial('the bombs end with their reason, the node then runs hello, and nothing is left', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one');
  const reasons = { timebomb: 'time', rambomb: 'memory', 'rambomb-child': 'memory', forkbomb: 'pids' } as const;
  for (const [name, reason] of Object.entries(reasons)) {
    const { result, said } = await grid.execute(example(name));
    t.is(said.exit, 0, name);
    t.is(result.reason, reason, name);
    if (name === 'rambomb-child') t.is(result.result, 0);
    const after = await grid.execute(example('hello'));
    t.is(await after.text('stdout.txt'), 'Linux\n');
  }
  t.deepEqual(await grid.finish(), []);
});

test.serial('a program of several files is built and run in the container', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one');
  const { result, text } = await grid.execute(example('build'));
  t.is(result.result, 0);
  t.is(await text('stdout.txt'), 'words: 63\ndistinct: 17\nmost frequent: for (7)\n');
  t.deepEqual(Object.keys(result.files), ['bin/words', 'stderr.txt', 'stdout.txt']);
  t.deepEqual(await grid.finish(), []);
});

test.serial('collect rules strip and prefix what they pick', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one');
  const { result } = await grid.execute(example('collect'));
  t.is(result.result, 0);
  t.deepEqual(Object.keys(result.files), [
    'direct.txt',
    'grades.csv',
    'scores/final/alice/score',
    'scores/final/bob/score',
    'stderr.txt',
    'stdout.txt',
    'summary.md',
    'text/logs/deep/second.txt',
    'text/logs/first.txt',
    'text/report.txt',
  ]);
  t.deepEqual(await grid.finish(), []);
});

test.serial('a program in a container opens an observer session and reads what it used', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one');
  const { result, text } = await grid.execute(example('session'));
  t.is(result.result, 0, await text('stderr.txt').catch(() => ''));
  t.regex(await text('stdout.txt'), /"status": ?"ok"/);
  t.regex(await text('stdout.txt'), /"max_usage": ?"\d{7,}b"/);
  t.deepEqual(await grid.finish(), []);
});

test.serial('a node that states workspace and storage gives a task that says nothing 1 GiB of each', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one', '--workspace', '2G', '--storage', '2G');
  const task = path.join(grid.directory, 'silent');
  await mkdir(task);
  const script = 'for place in . ../result /; do df -k $place | tail -n 1; done';
  const spec = { image: 'busybox:stable', args: ['sh', '-c', script], stdout: 'out', limits: { time: '60s' } };
  await writeFile(path.join(task, 'kolejka_task.json'), JSON.stringify(spec));
  const { result, text } = await grid.execute(task);
  t.like(result, { result: 0, reason: 'exit' });
  t.like(result.limits, { workspace: 1024 ** 3, storage: 1024 ** 3 });
  const kib = (await text('out'))
    .trim()
    .split('\n')
    .map((line) => Number(line.split(/\s+/)[1]));
  t.is(kib.length, 3);
  t.true(
    kib.every((size) => size >= 1024 ** 2 && size < 1.02 * 1024 ** 2),
    kib.join(' '),
  );
  t.deepEqual(await grid.finish(), []);
});

test.serial('several tasks run at one time within what the node has', async (t) => {
  const grid = await openGrid(t);
  const task = path.join(grid.directory, 'sleepers');
  await mkdir(task);
  const limits = { cpus: 1, memory: '32M', pids: 16, time: '20s' };
  const spec = {
    image: 'busybox:stable',
    args: ['sh', '-c', 'grep Cpus_allowed_list /proc/self/status; sleep 1'],
    stdout: 'out',
    limits,
  };
  await writeFile(path.join(task, 'kolejka_task.json'), JSON.stringify(spec));
  const tasks = await Promise.all(Array.from({ length: 4 }, () => grid.put(task)));
  await grid.startForeman('one');
  const results = await Promise.all(tasks.map((id) => grid.wait(id)));
  t.deepEqual(
    results.map(({ result }) => result),
    [0, 0, 0, 0],
  );
  // Tasks that ran at one time had CPUs of their own.
  const spans = await Promise.all(
    tasks.map(async (id, index) => {
      const events = await grid.events(id);
      const time = (name: string) => Date.parse(events.find(({ event }) => event === name)?.time ?? '');
      return { from: time('running'), to: time('resolved'), offset: results[index]?.limits.cpus_offset };
    }),
  );
  const overlaps = spans.flatMap((one, index) =>
    spans
      .slice(index + 1)
      .filter((other) => one.from < other.to && other.from < one.to)
      .map((other) => [one, other] as const),
  );
  t.true(overlaps.length > 0);
  for (const [one, other] of overlaps) t.not(one.offset, other.offset);
  t.deepEqual(await grid.finish(), []);
});

test.serial(
  'regression: a task that cannot be begun is resolved with why, and not taken again and again',
  async (t) => {
    const grid = await openGrid(t);
    await grid.startForeman('one');
    const task = path.join(grid.directory, 'no-command');
    await mkdir(task);
    await writeFile(
      path.join(task, 'kolejka_task.json'),
      JSON.stringify({ image: 'busybox:stable', stdin: 'nowhere', args: ['cat'] }),
    );
    const id = await grid.put(task);
    const result = await grid.wait(id);
    t.is(result.reason, 'infrastructure');
    t.regex(result.message ?? '', /no file "nowhere"/);
    t.deepEqual(
      (await grid.events(id)).map(({ event }) => event),
      ['created', 'assigned', 'resolved'],
    );
    t.deepEqual(await grid.finish(), []);
  },
);
