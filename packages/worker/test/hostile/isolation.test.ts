import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { build, openScene, sh } from '../scene.ts';

const source = (name: string) => readFile(path.join(import.meta.dirname, 'programs', name), 'utf8');

test('hostile input 42: without network there is a loopback and nothing else', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const script = `
    ls /sys/class/net
    try() { if timeout 3 "$@" >/dev/null 2>&1; then echo "reached: $*"; fi; }
    try ping -c 1 -W 1 1.1.1.1
    try nslookup example.org 1.1.1.1
    try wget -T 1 -q -O - http://169.254.169.254/
    try nc -w 1 172.17.0.1 22
    try nc -w 1 host.docker.internal 80
    cat /proc/net/route | tail -n +2
    echo end`;
  const { text } = await run(sh(script));
  t.is(await text('out'), 'lo\nend\n');
  await isUnharmed();
});

test("hostile input 43: the engine's socket and what other tasks have are nowhere to be found", async (t) => {
  const { run, isUnharmed, directory } = await openScene(t);
  const script = `
    find / -xdev -name docker.sock -o -xdev -name containerd.sock 2>/dev/null
    ls /var/lib/kolejka
    ls -d ${directory} /tmp/kolejka* /var/lib/docker /run/docker* /host 2>/dev/null
    ls /proc | grep -c '^[0-9]*$' | { read n; [ $n -lt 10 ] || echo "sees $n processes"; }
    echo end`;
  const { text } = await run(sh(script));
  t.is(await text('out'), 'result\ntask\nend\n');
  await isUnharmed();
});

test('hostile input 26, 42, 47, 49, 52: what only root of the machine may do is refused', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const { text } = await run(build('forbidden.c', './program'), { 'forbidden.c': await source('forbidden.c') });
  const answers = (await text('out')).trimEnd().split('\n');
  t.true(answers.length >= 29, await text('err'));
  const [EPERM, ENOSYS] = [1, 38];
  const allowed = answers.filter((line) => ![EPERM, ENOSYS].includes(Number(line.split(' ')[1])));
  t.deepEqual(allowed, []);
  await isUnharmed();
});

test('hostile input 48, 49: files of the kernel cannot be written, and those with secrets not be read', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const script = `
    for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/panic /proc/sys/vm/drop_caches \\
        /proc/irq/default_smp_affinity /sys/kernel/mm/ksm/run $(find /sys/fs/cgroup -name cgroup.procs | head -n 1) \\
        $(find /sys/fs/cgroup -name memory.limit_in_bytes -o -name memory.max | head -n 1); do
      if (echo 1 > $file) 2>/dev/null; then echo "wrote: $file"; fi
    done
    for file in /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /dev/kmsg /dev/mem; do
      [ "$(head -c 1 $file 2>/dev/null | wc -c)" = 0 ] || echo "read: $file"
    done
    ls /sys/firmware 2>/dev/null
    dmesg >/dev/null 2>&1 && echo "read: dmesg"
    echo end`;
  const { text } = await run(sh(script));
  t.is(await text('out'), 'end\n');
  await isUnharmed();
});

test('hostile input 50: a crash leaves no core, and the limit cannot be raised', async (t) => {
  const { run, isUnharmed } = await openScene(t);
  const script = 'ulimit -c; (ulimit -c unlimited) 2>/dev/null && echo raised; cd ../result; kill -SEGV $$';
  const { result, text } = await run(sh(script));
  t.is(result.signal, 'SIGSEGV');
  t.is(await text('out'), '0\n');
  t.deepEqual(Object.keys(result.files), ['err', 'out'], 'no core');
  await isUnharmed();
});

test('hostile input 51: who takes all of what there is one store of harms neither the worker nor a task beside it', async (t) => {
  const { run, isUnharmed, context, directory } = await openScene(t);
  const started = Promise.withResolvers<void>();
  const cancel = new AbortController();
  const greedy = run(
    { ...build('exhaust.c', 'exec ./program'), limits: { memory: '512M', time: '60s' } },
    { 'exhaust.c': await source('exhaust.c') },
    {
      cancel: cancel.signal,
      output: ({ bytes }) => {
        if (bytes.includes('refused')) started.resolve();
      },
    },
  );
  await Promise.race([started.promise, greedy]);
  // In a process of its own: this one may have what it needs from before.
  const task = path.join(directory, 'beside');
  await mkdir(task);
  const spec = { image: 'busybox:stable', args: ['true'], limits: { memory: '64M', pids: 64, time: '20s' } };
  await writeFile(path.join(task, 'kolejka_task.json'), JSON.stringify(spec));
  const main = path.resolve(import.meta.dirname, '../../src/main.ts');
  const flags = ['--temp', context.temp, '--observer', context.observerSocket];
  const args = ['--conditions=kolejka-source', main, 'execute', task, path.join(task, 'out'), ...flags];
  await t.notThrowsAsync(promisify(execFile)(process.execPath, args), 'a worker that starts beside it');
  const bomb = 'b() { b & b; }; b; sleep 60';
  const beside = await run({ ...sh(bomb), limits: { pids: 40, time: '20s' } });
  t.is(beside.result.reason, 'pids', 'limits are kept beside it');
  cancel.abort();
  const { result: ended, text } = await greedy;
  const took = Object.fromEntries(
    (await text('out'))
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ')),
  );
  t.is(ended.reason, 'cancelled', JSON.stringify(took));
  t.is(took['refused'], '1');
  t.is(took['files'], '16384');
  await isUnharmed();
});
