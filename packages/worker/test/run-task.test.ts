import { readdir, readlink, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { parseTask } from '@kolejka/protocol';
import { runTask } from '../src/index.ts';
import { nothingIsLeft } from './left.ts';
import { openScene, sh } from './scene.ts';

test('a program that ends by itself gives its exit code, its output and its statistics', async (t) => {
  const scene = await openScene(t);
  const { result, text, resultDirectory } = await scene.run(sh('echo out; echo err >&2; exit 3'));
  t.is(result.result, 3, result.message);
  t.is(result.reason, 'exit');
  t.is(result.signal, undefined);
  t.regex(result.image ?? '', /^([\w./-]+@)?sha256:[0-9a-f]{64}$/);
  t.is(await text('out'), 'out\n');
  t.is(await text('err'), 'err\n');
  t.deepEqual(Object.keys(result.files), ['err', 'out']);
  t.true((result.stats.cpu_usage ?? 0) > 0);
  t.true((result.stats.memory_max_usage ?? 0) > 100_000);
  t.true((result.stats.pids_max_usage ?? 0) >= 1);
  t.true((result.stats.time ?? 0) > 0);
  t.is((await stat(path.join(resultDirectory, 'out'))).mode & 0o777, 0o640);
  const written = JSON.parse(await text('kolejka_result.json')) as Record<string, unknown>;
  t.deepEqual(Object.keys(written), Object.keys(written).toSorted());
  await nothingIsLeft(t, scene);
});

test('stdin comes from a file of the task, and a program may leave it unread', async (t) => {
  const { run } = await openScene(t);
  const big = 'x'.repeat(3_000_000);
  const read = await run({ ...sh('wc -c'), stdin: 'in' }, { in: big });
  t.is((await read.text('out')).trim(), '3000000');
  const unread = await run({ ...sh('yes | head -c 1000000'), stdin: 'in' }, { in: big });
  t.is(unread.result.result, 0);
  t.is((await unread.text('out')).length, 1_000_000);
});

test('regression: stdin is the file of the task, whatever the program puts in its place', async (t) => {
  const { run, directory } = await openScene(t);
  const secret = path.join(directory, 'secret');
  await writeFile(secret, 'SECRET');
  const { text } = await run({ ...sh(`rm in; ln -s ${secret} in; cat`), stdin: 'in' }, { in: 'ours' });
  t.is(await text('out'), 'ours');
});

test('regression: a program that leaves its stdin unread leaves no open file', async (t) => {
  const { run } = await openScene(t);
  const opened = async () => (await readdir('/proc/self/fd')).length;
  await run({ args: ['true'], stdin: 'in' }, { in: 'x'.repeat(3_000_000) });
  const before = await opened();
  for (let round = 0; round < 20; round += 1) await run({ args: ['true'], stdin: 'in' }, { in: 'x'.repeat(3_000_000) });
  // Other tests of this file run beside it, each with a few files of its own.
  t.true((await opened()) < before + 20, `${before} before`);
});

test('regression: a program that ends within its time was not ended for time', async (t) => {
  const { run } = await openScene(t);
  for (const seconds of ['0.93', '0.96', '0.98']) {
    const { result } = await run({ args: ['sleep', seconds], limits: { time: '1s' } });
    if ((result.stats.time ?? 0) < 1000) t.is(result.reason, 'exit', `${seconds}: ${result.stats.time}`);
    t.true(['exit', 'time'].includes(result.reason ?? ''));
  }
});

test('regression: a time limit of a month does not end at once', async (t) => {
  const { run } = await openScene(t);
  const { result } = await run({ args: ['sleep', '0.2'], limits: { time: '30D' } });
  t.is(result.reason, 'exit');
});

test('a task that says nothing has a pids limit all the same', async (t) => {
  const { context, directory } = await openScene(t);
  const task = parseTask({ image: 'busybox:stable', args: ['true'] });
  const result = await runTask(context, {
    task,
    taskDirectory: directory,
    resultDirectory: path.join(directory, 'bare'),
  });
  t.is(result.limits.pids, 1024);
});

test('a listener hears the output while the program runs, and one that never has time costs the files no byte', async (t) => {
  const { run } = await openScene(t);
  const go = Promise.withResolvers<void>();
  let heard = '';
  const talk = run(
    sh('echo one; sleep 0.3; echo two >&2; sleep 0.3; echo three'),
    {},
    {
      output: ({ stream, bytes }) => {
        heard += `${stream} ${bytes.toString()}`;
        go.resolve();
      },
    },
  );
  t.is(await Promise.race([go.promise.then(() => 'while it runs'), talk.then(() => 'after it')]), 'while it runs');
  await talk;
  t.is(heard, 'stdout one\nstderr two\nstdout three\n');

  const deaf = { output: () => new Promise<void>(() => undefined) };
  const { text } = await run(sh('yes | head -c 5000000'), {}, deaf);
  t.is((await text('out')).length, 5_000_000);
  const broken = { output: () => Promise.reject(new Error('no ears')) };
  t.is((await run(sh('echo one; echo two'), {}, broken)).result.reason, 'exit');
});

test('both outputs go into one file when they have the same name', async (t) => {
  const { run } = await openScene(t);
  const { result, text } = await run({ ...sh('echo one; echo two >&2'), stdout: 'both', stderr: 'both' });
  t.deepEqual(Object.keys(result.files), ['both']);
  t.deepEqual((await text('both')).trimEnd().split('\n').toSorted(), ['one', 'two']);
});

test('the environment is that of the original and the task, nothing of the image or the node', async (t) => {
  const { run } = await openScene(t);
  const { text } = await run({ args: ['env'], environment: { ANSWER: '42', HOME: '/tmp' } });
  t.deepEqual((await text('out')).trimEnd().split('\n').toSorted(), [
    'ANSWER=42',
    'HOME=/tmp',
    'IFS= ',
    'PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin',
    'PWD=/var/lib/kolejka/task',
    'USER=root',
  ]);
});

test('the task is in its directory, can be run, and knows its host as kolejka', async (t) => {
  const { run } = await openScene(t);
  const { text } = await run(
    { args: ['./deep/run.sh'] },
    { 'deep/run.sh': '#!/bin/sh\npwd; hostname; stat -c %a deep/run.sh; ls\n' },
  );
  t.deepEqual((await text('out')).trimEnd().split('\n'), [
    '/var/lib/kolejka/task',
    'kolejka',
    '750',
    'deep',
    'kolejka_task.json',
  ]);
});

test('what is written to the result directory is a result, and collect rules add to it', async (t) => {
  const { run } = await openScene(t);
  const { result, text } = await run({
    ...sh('echo a > /var/lib/kolejka/result/a; mkdir -p x/y; echo b > x/y/b.txt'),
    collect: [{ glob: '**/*.txt', strip: 1, prefix: 'p' }],
  });
  t.deepEqual(Object.keys(result.files), ['a', 'err', 'out', 'p/y/b.txt']);
  t.is(await text('p/y/b.txt'), 'b\n');
});

test('a signal that the worker did not send is told apart from an exit', async (t) => {
  const { run } = await openScene(t);
  const { result } = await run(sh('kill -SEGV $$'));
  t.is(result.result, 139);
  t.is(result.signal, 'SIGSEGV');
  t.is(result.reason, 'signal');
});

test('a pids limit below what starting a container takes is kept all the same', async (t) => {
  const { run } = await openScene(t);
  const fits = await run({ args: ['true'], limits: { pids: 3 } });
  t.is(fits.result.result, 0);
  const over = await run({ ...sh('sleep 0.2; (sleep 5 & sleep 5); sleep 1'), limits: { pids: 3 } });
  t.is(over.result.reason, 'pids');
});

test('cpus are a set of as many as asked for, from the offset on', async (t) => {
  const { run } = await openScene(t);
  const { text } = await run(sh('grep Cpus_allowed_list /proc/self/status'), {}, { cpusOffset: 1 });
  t.regex(await text('out'), /:\s*1$/m);
});

test('a set of CPUs that the node gives holds over count and place, and the result says where it begins', async (t) => {
  const { run } = await openScene(t);
  const program = sh('grep Cpus_allowed_list /proc/self/status');
  const given = await run(program, {}, { cpuSet: [1], gpuSet: [] });
  t.regex(await given.text('out'), /:\s*1$/m);
  t.like(given.result.limits, { cpus: 1, cpus_offset: 1 });
  const refused = await run(program, {}, { cpuSet: [4095] });
  t.is(refused.result.reason, 'infrastructure');
  t.regex(refused.result.message ?? '', /limits\.cpus: this node cannot keep it: CPU 4095 is asked for of [0-9,]+/);
});

test('without network each task has a network namespace of its own, fresh and with a loopback', async (t) => {
  const { run } = await openScene(t);
  // A connection over the loopback by name, and what the namespace has counted before it.
  const script = `readlink /proc/self/ns/net; grep -c 'lo: *0  *0 ' /proc/net/dev; cat /proc/net/tcp | wc -l
    nc -l -p 4000 > heard & until echo hello | nc localhost 4000 2> refused; do sleep 0.1; done; wait; cat heard`;
  const host = await readlink('/proc/self/ns/net');
  for (let round = 1; round <= 2; round += 1) {
    const { text } = await run(sh(script));
    const [namespace, ...rest] = (await text('out')).split('\n');
    t.regex(namespace ?? '', /^net:\[\d+\]$/);
    t.not(namespace, host);
    t.deepEqual(rest, ['1', '1', 'hello', '']);
  }
});

test('a command that is not in the image is a result with that reason', async (t) => {
  const scene = await openScene(t);
  const { result } = await scene.run({ args: ['no-such-command'], stderr: null });
  t.is(result.reason, 'image');
  t.is(result.result, 127, 'a program that only says so loses nothing of its result');
  t.regex(result.message ?? '', /no-such-command/);
  await nothingIsLeft(t, scene);
});

test('stdin that is no file of the task is said before anything runs', async (t) => {
  const { run } = await openScene(t);
  await t.throwsAsync(run({ args: ['cat'], stdin: 'in' }), { message: /stdin: the task has no file "in"/ });
  await t.throwsAsync(run({ args: ['cat'], stdin: 'in' }, { 'in/a': 'x' }), { message: /stdin/ });
});

test('a cancelled task ends at once', async (t) => {
  const scene = await openScene(t);
  const cancel = new AbortController();
  const { result } = await scene.run(sh('sleep 60'), {}, { cancel: cancel.signal, started: () => cancel.abort() });
  t.is(result.reason, 'cancelled');
  await nothingIsLeft(t, scene);
});

test('a task that consumes its directory leaves none', async (t) => {
  const { run, directory } = await openScene(t);
  const { text } = await run({ args: ['cat', 'a'] }, { a: 'A' }, { consume: true });
  t.is(await text('out'), 'A');
  await t.throwsAsync(stat(path.join(directory, 'task-1')), { code: 'ENOENT' });
});

test('a result directory that holds something else is not touched', async (t) => {
  const { run, directory } = await openScene(t);
  await t.throwsAsync(run({ args: ['true'] }, {}, { resultDirectory: directory }), {
    message: /is not empty and holds no earlier result/,
  });
});
