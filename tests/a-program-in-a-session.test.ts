/** The observer on the node, and a program that is started in a session from inside the container of a task. */
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { openCgroups } from '@kolejka/observer/cgroup';
import { openObserver } from '@kolejka/observer/client';
import { ROOT, runCommand } from './command.ts';

const whenRoot = process.getuid?.() === 0 ? test.serial : test.serial.skip;
const execute = promisify(execFile);
const OBSERVER = path.join(ROOT, 'packages/observer');

whenRoot('a program is run in a session from inside a container, within the limits of its task', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-session-'));
  chmodSync(directory, 0o755);
  const [socket, pid] = [path.join(directory, 'socket'), path.join(directory, 'pid')];
  const run = `insession${process.pid}`;
  const cgroups = openCgroups();
  const task = cgroups.create(cgroups.taskPath(run));
  t.teardown(async () => {
    await task.remove();
    rmSync(directory, { recursive: true, force: true });
  });
  task.limit({ pids: 500, memory: 1024 ** 3 });
  const flags = ['-s', socket, '--state', path.join(directory, 'state'), '--close-sessions', '--pid-file', pid];
  const started = await runCommand('kolejka-observer', ['--detach', ...flags]);
  t.is(started.exit, 0, started.stderr);
  const observer = openObserver(socket);
  try {
    // In place of an image with Node in it: this machine's, and this checkout.
    const ours = ['/usr', '/lib', '/lib64', ROOT].filter((each) => existsSync(each));
    const mounts = [...ours.map((each) => `${each}:${each}:ro`), `${directory}:${directory}`].flatMap((each) => [
      '-v',
      each,
    ]);
    const parent = [
      '--cgroup-parent',
      cgroups.parentFor(task.path),
      '--network',
      'none',
      '--name',
      run,
      'busybox:stable',
    ];
    const node = [process.execPath, '--conditions=kolejka-source', path.join(OBSERVER, 'src/run.ts'), '-s', socket];
    const limits = ['--memory', '100G', '--pids', '20', '--time', '30s', '--user', '12345', '--json'];
    const program = ['sh', '-c', 'echo "$(id -u) $$"; cat /proc/self/cgroup'];
    const words = ['run', '--rm', ...mounts, ...parent, ...node, ...limits, ...program];
    const { stdout, stderr } = await execute('docker', words, { timeout: 120_000 });
    t.regex(stdout, /^12345 \d+\n/, stderr);
    t.like(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? ''), { result: 0, reason: 'exit' });
    t.regex(stdout, /kolejka_observer_[0-9a-f]{32}$/m, 'it was beside its container');
    t.is(await observer.status(), 0, 'its session is closed');
  } finally {
    observer.end();
    await execute('docker', ['rm', '--force', run]).catch(() => undefined);
    await execute('sh', ['-c', `kill "$(cat ${pid})"; while test -e ${pid}; do sleep 0.05; done`]);
  }
});
