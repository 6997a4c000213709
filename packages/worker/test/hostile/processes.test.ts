import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { openScene, sh } from '../scene.ts';

test('hostile input 1, 2: a fork bomb stays within its pids limit, is ended for pids, and leaves no process', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const bomb = 'trap "" TERM HUP; b() { (setsid sleep 60 & b | b &) & b & b; }; b; sleep 60';
  const { result } = await run({ ...sh(bomb), limits: { pids: 40, time: '10s', memory: '256M' } });
  t.is(result.reason, 'pids');
  t.is(result.stats.pids_max_usage, 40);
  // Absent where the group that counted it was gone before it could be read; never 0.
  t.not(result.stats.pids_failures, 0);
  await isUnharmed();
});

test('hostile input 8: busy loops on all processors get the ones they were given, and end for time', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const script = 'for i in 1 2 3 4; do sh -c "while :; do :; done" & done; wait';
  const { result } = await run({ ...sh(script), limits: { cpus: 1, time: '1s' } });
  t.is(result.reason, 'time');
  const { cpu_usage: cpu = 0, time = 0 } = result.stats;
  t.true(cpu < 1.5 * time + 200, `${cpu} ms of processors in ${time} ms`);
  await isUnharmed();
});

test('hostile input 9, 10: who sleeps, hears no signal or stops itself is ended by the time limit', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const limits = { time: '1s' };
  const scripts = ['sleep 1000', 'trap "" TERM INT; while :; do :; done', 'kill -STOP $$; sleep 1000'];
  for (const { result } of await Promise.all(scripts.map((script) => run({ ...sh(script), limits })))) {
    t.is(result.reason, 'time');
    t.is(result.result, 137);
    t.is(result.signal, 'SIGKILL');
    t.true((result.stats.time ?? 0) >= 1000, `${result.stats.time} ms`);
  }
  await isUnharmed();
});

test('hostile input 12: what a program leaves running ends with it, and writes nothing any more', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const script =
    'cd ../result; setsid sh -c "while :; do echo x >> grow; done" & while [ ! -s grow ]; do :; done; exit 0';
  const { result, resultDirectory } = await run(sh(script));
  t.is(result.reason, 'exit');
  t.is(result.result, 0);
  const grown = await readFile(path.join(resultDirectory, 'grow'));
  await isUnharmed();
  t.deepEqual(
    await readFile(path.join(resultDirectory, 'grow')),
    grown,
    'hostile input 19: nothing grows after the end',
  );
});
