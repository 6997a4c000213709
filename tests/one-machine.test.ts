import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { ROOT, runCommand, startCommand } from './command.ts';
import { until } from './grid.ts';
import { findLeftovers } from './leftovers.ts';

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
    path.join(data, 'server'),
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
    await until('the end of all programs', programs, (left) => left.length === 0, 15);

    const second = await up(t, directory);
    t.regex(second.address, /^http:/);
    t.false(existsSync(sockets));
    second.child.kill('SIGINT');
    t.is(await second.ended, 0);
    await rm(directory, { recursive: true });
    t.deepEqual(await findLeftovers({ directories: [directory, sockets], tasks: [] }), []);
  },
);

test.serial('the demo shows a task from upload to result and leaves nothing', async (t) => {
  const child = spawn(process.execPath, ['--conditions=kolejka-source', 'scripts/demo.ts'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const [code] = (await once(child, 'close')) as [number | null];
  t.is(code, 0, lines.join('\n'));
  t.regex(
    lines.join('\n'),
    /uploaded[^]*assigned[^]*running[^]*resolved[^]*"result": 0[^]*Linux[^]*nothing is left behind/,
  );
});
