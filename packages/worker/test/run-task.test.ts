import { readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { parseTask } from '@kolejka/protocol';
import { runTask } from '../src/index.ts';
import { nothingIsLeft } from './left.ts';
import { openScene } from './scene.ts';

const sh = (script: string) => ({ args: ['sh', '-c', script] });

test('a program that ends by itself gives its exit code, its output and its statistics', async (t) => {
  const scene = await openScene(t);
  const { result, text, resultDirectory } = await scene.run(sh('echo out; echo err >&2; exit 3'));
  t.is(result.result, 3);
  t.is(result.reason, 'exit');
  t.is(result.signal, undefined);
  t.regex(result.image ?? '', /^(busybox@)?sha256:[0-9a-f]{64}$/);
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

test('hostile input 31: names around the result and the output are left out, and everything else is kept', async (t) => {
  const { run } = await openScene(t);
  const script =
    'cd ../result; mkdir kolejka_result.json out logs; echo x | tee kolejka_result.json/x out/x kept; echo y > err';
  const { result, text } = await run(sh(script));
  t.is(result.result, 0);
  t.is(result.reason, 'exit');
  t.deepEqual(Object.keys(result.files), ['err', 'kept', 'out']);
  t.is(await text('out'), 'x\n');
  t.regex(result.message ?? '', /"out\/x" was left out/);
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

test('both outputs go into one file when they have the same name', async (t) => {
  const { run } = await openScene(t);
  const { result, text } = await run({ ...sh('echo one; echo two >&2'), stdout: 'both', stderr: 'both' });
  t.deepEqual(Object.keys(result.files), ['both']);
  t.deepEqual((await text('both')).trimEnd().split('\n').toSorted(), ['one', 'two']);
});

test('hostile input 14: output is bytes, whatever they are', async (t) => {
  const { run } = await openScene(t);
  const { resultDirectory } = await run(sh(String.raw`printf '\377\000\033[31m\n'`));
  t.deepEqual(
    await readFile(path.join(resultDirectory, 'out')),
    Buffer.from([0xff, 0, 0x1b, 0x5b, 0x33, 0x31, 0x6d, 0x0a]),
  );
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

test('hostile input 8, 9, 10: a program that never ends and hears no signal is ended by its time limit', async (t) => {
  const scene = await openScene(t);
  const { result } = await scene.run({ ...sh('trap "" TERM INT; while :; do :; done'), limits: { time: '1s' } });
  t.is(result.reason, 'time');
  t.is(result.result, 137);
  t.is(result.signal, 'SIGKILL');
  t.true((result.stats.time ?? 0) >= 1000 && (result.stats.time ?? 0) < 2000, `${result.stats.time} ms`);
  await nothingIsLeft(t, scene);
});

test('hostile input 3: a program over its memory limit is ended for memory', async (t) => {
  const scene = await openScene(t);
  const { result } = await scene.run({ ...sh('exec tail /dev/zero'), limits: { memory: '32M' } });
  t.is(result.reason, 'memory');
  t.is(result.result, 137);
  t.true((result.stats.memory_oom_kills ?? 0) >= 1);
  t.true((result.stats.memory_max_usage ?? 0) <= 32 * 1024 ** 2);
  await nothingIsLeft(t, scene);
});

test('hostile input 4: a child killed for memory is the reason although its parent exits 0', async (t) => {
  const { run } = await openScene(t);
  const { result, text } = await run({ ...sh('tail /dev/zero; echo still here'), limits: { memory: '32M' } });
  t.is(result.result, 0);
  t.is(result.reason, 'memory');
  t.is(await text('out'), 'still here\n');
});

test('hostile input 1, 2: a fork bomb stays within its pids limit, is ended for pids, and leaves no process', async (t) => {
  const scene = await openScene(t);
  const bomb = 'trap "" TERM; b() { (setsid sleep 60 & b | b &) & b & b; }; b; sleep 60';
  const { result } = await scene.run({ ...sh(bomb), limits: { pids: 40, time: '10s', memory: '256M' } });
  t.is(result.reason, 'pids');
  t.is(result.stats.pids_max_usage, 40);
  // Absent where the group that counted it was gone before it could be read; never 0.
  t.not(result.stats.pids_failures, 0);
  await nothingIsLeft(t, scene);
  const after = await scene.run(sh('echo next'));
  t.is(after.result.result, 0);
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

test('hostile input 42: without network there is a loopback and nothing else', async (t) => {
  const { run } = await openScene(t);
  const { text } = await run(
    sh('ls /sys/class/net; ping -c 1 -W 1 1.1.1.1 || wget -T 1 -q -O - http://169.254.169.254/ || echo none'),
  );
  t.regex(await text('out'), /^lo\n(.*\n)*none\n$/);
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

test('hostile input 13: endless output is cut and the program ended', async (t) => {
  const { run } = await openScene(t);
  const { result, resultDirectory } = await run({ ...sh('yes'), limits: { time: '100s' } });
  t.is(result.reason, 'output');
  t.is((await stat(path.join(resultDirectory, 'out'))).size, 256 * 1024 ** 2);
});

test('hostile input 47, 48, 49, 52: what only root of the machine may do is refused', async (t) => {
  const { run } = await openScene(t);
  const { text } = await run(
    sh(`try() { if "$@" >/dev/null 2>&1; then echo "did: $*"; fi; }
      try mount -t tmpfs x /mnt
      try unshare -m true
      try sh -c 'echo b > /proc/sysrq-trigger'
      try sh -c 'echo x > /proc/sys/kernel/core_pattern'
      try mknod /tmp/d b 8 0
      [ "$(head -c 1 /proc/kcore 2>/dev/null | wc -c)" = 0 ] || echo 'did: kcore'
      try ls /var/run/docker.sock
      date -s 2000-01-01 >/dev/null 2>&1; [ $(date +%Y) != 2000 ] || echo 'did: date'
      echo end`),
  );
  t.is(await text('out'), 'end\n');
});

test('hostile input 12: what a program leaves running ends with it', async (t) => {
  const scene = await openScene(t);
  const { result } = await scene.run(sh('setsid sleep 300 & exit 0'));
  t.is(result.result, 0);
  await nothingIsLeft(t, scene);
});

test('hostile input 40: an image that is nowhere is a result with that reason', async (t) => {
  const { run } = await openScene(t);
  const { result } = await run({ args: ['true'], image: 'no-such-image:ever' });
  t.is(result.reason, 'image');
  t.is(result.result, undefined);
  t.regex(result.message ?? '', /no-such-image:ever could not be pulled/);
});

test('a command that is not in the image is a result with that reason', async (t) => {
  const scene = await openScene(t);
  const { result } = await scene.run({ args: ['no-such-command'], stderr: null });
  t.is(result.reason, 'image');
  t.is(result.result, 127, 'a program that only says so loses nothing of its result');
  t.regex(result.message ?? '', /no-such-command/);
  await nothingIsLeft(t, scene);
});

test('a task without a command is a result that says so', async (t) => {
  const { run } = await openScene(t);
  const { result } = await run({ args: [] });
  t.is(result.reason, 'image');
  t.regex(result.message ?? '', /names no command/);
});

test('stdin that is no file of the task is said before anything runs', async (t) => {
  const { run } = await openScene(t);
  await t.throwsAsync(run({ args: ['cat'], stdin: 'in' }), { message: /stdin: the task has no file "in"/ });
  await t.throwsAsync(run({ args: ['cat'], stdin: 'in' }, { 'in/a': 'x' }), { message: /stdin/ });
});

test('an image over its limit is refused before anything runs', async (t) => {
  const { run } = await openScene(t);
  const { result } = await run({ args: ['true'], limits: { image: '1k' } });
  t.is(result.reason, 'image');
  t.regex(result.message ?? '', /the limit is 1024/);
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
