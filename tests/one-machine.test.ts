import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { ROOT, runCommand, startCommand } from './command.ts';
import { until } from './grid.ts';
import { findLeftovers } from '../packages/worker/test/machine.ts';

async function temporary(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-up-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts `kolejka up` and waits for its address. */
async function up(t: ExecutionContext, data: string) {
  const child = startCommand('kolejka', ['up', '--data', data, '--listen', '127.0.0.1:0']);
  t.teardown(() => child.kill('SIGTERM'));
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, 'line').then(([line]) => String(line)),
    ended.then((code) => `ended with ${code}`),
  ]);
  return { address: /http:\S+/.exec(first)?.[0] ?? first, child, ended };
}

test.serial('kolejka up serves clients until Ctrl-C, keeps its data, and leaves no process', async (t) => {
  const directory = await temporary(t);
  const data = path.join(directory, 'data');
  const out = path.join(directory, 'OUT');
  const env = { KOLEJKA_CONFIG_FILE: path.join(data, 'kolejka.conf') };

  const first = await up(t, data);
  const executed = await runCommand('kolejka-client', ['execute', 'examples/hello', out], { env });
  t.is(executed.exit, 0, executed.stderr);
  t.is(await readFile(path.join(out, 'stdout.txt'), 'utf8'), 'Linux\n');
  const { id, result, stats } = JSON.parse(await readFile(path.join(out, 'kolejka_result.json'), 'utf8')) as {
    id: string;
    result: number;
    stats: object;
  };
  t.is(result, 0);
  t.true(['cpu', 'memory', 'pids', 'time'].every((name) => name in stats));

  const added = await runCommand('kolejka-server', [
    'adduser',
    'ada',
    'lovelace',
    '--email',
    'ada@example.org',
    '--clients',
    '--data',
    data,
  ]);
  t.is(added.exit, 0, added.stderr);
  const asAda = ['--server', first.address, '--username', 'ada', '--password', 'lovelace'];
  const put = await runCommand('kolejka-client', ['blob', 'put', 'README.md', ...asAda]);
  t.regex(put.stdout, /^[0-9a-f]{32}\n$/, put.stderr);

  first.child.kill('SIGINT');
  t.is(await first.ended, 0);

  const second = await up(t, data);
  const again = await runCommand('kolejka-client', ['result', 'get', id, path.join(directory, 'AGAIN')], { env });
  t.is(again.exit, 0, again.stderr);
  second.child.kill('SIGINT');
  t.is(await second.ended, 0);

  await rm(directory, { recursive: true });
  t.deepEqual(await findLeftovers({ directories: [directory], tasks: [id] }), []);
});

test.serial('kolejka up on an address that is taken is one sentence', async (t) => {
  const directory = await temporary(t);
  const first = await up(t, path.join(directory, 'one'));
  const taken = first.address.replace('http://', '');
  const said = await runCommand('kolejka', ['up', '--data', path.join(directory, 'two'), '--listen', taken]);
  t.not(said.exit, 0);
  t.regex(said.stderr, new RegExp(RegExp.escape(taken)));
  t.notRegex(said.stderr, /^\s+at /m);
  first.child.kill('SIGINT');
  t.is(await first.ended, 0);
});

test.serial(
  'regression: kolejka up on data that another one has is one sentence, and does the other no harm',
  async (t) => {
    const directory = await temporary(t);
    const first = await up(t, directory);
    const sockets = await readlink(path.join(directory, 'sockets'));
    const said = await runCommand('kolejka', ['up', '--data', directory, '--listen', '127.0.0.1:0']);
    t.is(said.exit, 6);
    t.regex(said.stderr, /^kolejka: kolejka-server did not start: Another kolejka-server is running on [^\n]*\n$/);
    t.true(existsSync(path.join(sockets, 'socket')));
    t.is(await readlink(path.join(directory, 'sockets')), sockets);
    first.child.kill('SIGINT');
    t.is(await first.ended, 0);
  },
);

test.serial('regression: a stop asked for while the grid starts ends everything in order', async (t) => {
  for (const log of ['server.log', 'observer.log', 'foreman.log']) {
    const directory = await temporary(t);
    const child = startCommand('kolejka', ['up', '--data', directory, '--listen', '127.0.0.1:0']);
    const said = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    const sees = async () => existsSync(path.join(directory, 'logs', log)) || child.exitCode !== null;
    await until(`the start of ${log}`, sees, (there) => there);
    const sockets = await readlink(path.join(directory, 'sockets')).catch(() => directory);
    child.kill('SIGINT');
    const [stdout, stderr, [code]] = await said;
    t.deepEqual({ stdout, stderr, code }, { stdout: 'Stopped before the grid was up.\n', stderr: '', code: 0 }, log);
    await rm(directory, { recursive: true });
    t.deepEqual(await findLeftovers({ directories: [directory, sockets], tasks: [] }), []);
  }
});

test.serial(
  'regression: the programs end when kolejka up is killed, and the next start clears up after it',
  async (t) => {
    const directory = await temporary(t);
    const first = await up(t, directory);
    const sockets = await readlink(path.join(directory, 'sockets'));
    const programs = async () => {
      const found = await findLeftovers({ directories: [directory, sockets], tasks: [] });
      return found.filter((line) => line.startsWith('process'));
    };
    t.is((await programs()).length, 4);
    first.child.kill('SIGKILL');
    await until('the end of all programs', programs, (left) => left.length === 0);

    const second = await up(t, directory);
    t.regex(second.address, /^http:/);
    t.false(existsSync(sockets));
    second.child.kill('SIGINT');
    t.is(await second.ended, 0);
    await rm(directory, { recursive: true });
    t.deepEqual(await findLeftovers({ directories: [directory, sockets], tasks: [] }), []);
  },
);

/** The demo with a temporary directory of its own. */
function startDemo(temp: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['--conditions=kolejka-source', 'scripts/demo.ts'], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: temp, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { child, said: ended.then(([stdout, stderr, [exit]]) => ({ stdout, stderr, exit: exit as number | null })) };
}

test.serial('the demo shows a task from upload to result and leaves nothing', async (t) => {
  const temp = await temporary(t);
  const { stdout, stderr, exit } = await startDemo(temp).said;
  t.is(exit, 0, stdout + stderr);
  t.regex(stdout, /uploaded[^]*assigned[^]*running[^]*resolved[^]*"result": 0[^]*Linux[^]*nothing is left behind/);
  t.deepEqual(await readdir(temp), []);
});

test.serial('regression: the demo can be interrupted at any moment and leaves nothing', async (t) => {
  for (const moment of ['observer.log', 'server, observer and foreman run', 'uploaded']) {
    const temp = await temporary(t);
    const { child, said } = startDemo(temp);
    let shown = '';
    child.stdout.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    const look = async () => `${shown}\n${(await readdir(temp, { recursive: true }).catch(() => [])).join('\n')}`;
    await until(moment, look, (seen) => seen.includes(moment));
    child.kill('SIGINT');
    const { stdout, stderr, exit } = await said;
    t.is(exit, 130, stdout + stderr);
    t.is(stderr, '');
    t.deepEqual(await readdir(temp), []);
    await rm(temp, { recursive: true });
    t.deepEqual(await findLeftovers({ directories: [temp], tasks: [] }), []);
  }
});

test.serial('regression: the demo without Docker is one sentence', async (t) => {
  const temp = await temporary(t);
  const { stdout, stderr, exit } = await startDemo(temp, { DOCKER_HOST: 'unix:///nonexistent' }).said;
  t.is(exit, 6);
  t.is(stdout, '');
  t.regex(stderr, /^demo: Docker [^\n]*\n$/);
  t.deepEqual(await readdir(temp), []);
});

test.serial('regression: kolejka up ends with one sentence when its server dies under a running task', async (t) => {
  const directory = await temporary(t);
  const data = path.join(directory, 'data');
  const task = path.join(directory, 'task');
  await mkdir(task);
  const limits = { cpus: 1, memory: '32M', pids: 16, time: '60s' };
  await writeFile(
    path.join(task, 'kolejka_task.json'),
    JSON.stringify({ image: 'busybox:stable', args: ['sleep', '50'], limits }),
  );
  const grid = await up(t, data);
  const client = startCommand('kolejka-client', ['execute', task, path.join(directory, 'OUT')], {
    env: { KOLEJKA_CONFIG_FILE: path.join(data, 'kolejka.conf') },
  });
  for await (const line of createInterface({ input: client.stderr })) if (line.startsWith('running')) break;
  const said = text(grid.child.stderr);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('runserver') && command.includes(data)) process.kill(Number(pid), 'SIGKILL');
  }
  t.is(await grid.ended, 6);
  client.kill('SIGKILL');
  t.regex(await said, /kolejka-server ended by itself/);
  await rm(directory, { recursive: true });
  t.deepEqual(await findLeftovers({ directories: [directory], tasks: [] }), []);
});
