import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runCommand, type Said } from './command.ts';
import { EXAMPLES, openGrid } from './grid.ts';

/** One sentence on stderr, nothing that looks like a stack, and the exit status. */
function saysOnce(t: ExecutionContext, said: Said, exit: number, sentence: RegExp): void {
  t.is(said.exit, exit, said.stderr);
  t.regex(said.stderr, sentence);
  t.notRegex(said.stderr, /^\s+at /m);
  t.is(
    said.stderr
      .trimEnd()
      .split('\n')
      .filter((line) => /^kolejka(-\w+)?:/.test(line)).length,
    1,
    said.stderr,
  );
}

async function taskDirectory(
  t: ExecutionContext,
  spec: string | object,
  files: Record<string, string> = {},
): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'kolejka-wrong-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await writeFile(path.join(directory, 'kolejka_task.json'), typeof spec === 'string' ? spec : JSON.stringify(spec));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(directory, name), text);
  return directory;
}

const hello = path.join(EXAMPLES, 'hello');
const out = (directory: string) => path.join(directory, 'out');

test.serial('wrong inputs to a running grid end with one sentence and their exit status', async (t) => {
  const grid = await openGrid(t);
  await grid.startForeman('one');
  const to = out(grid.directory);

  const wrongPassword = ['execute', hello, to, '--server', grid.address, '--username', 'client', '--password', 'wrong'];
  saysOnce(t, await runCommand('kolejka-client', wrongPassword), 3, /password/i);

  const unknownImage = await taskDirectory(t, {
    image: 'no-such-image:ever',
    args: ['true'],
    limits: { memory: '32M', cpus: 1, pids: 16, time: '5s' },
  });
  saysOnce(t, await grid.command('execute', unknownImage, to), 6, /no-such-image:ever/);

  const missingFile = await taskDirectory(t, {
    image: 'busybox:stable',
    args: ['true'],
    files: { 'a.txt': { path: 'a.txt' } },
  });
  saysOnce(t, await grid.command('execute', missingFile, to), 2, /a\.txt/);

  saysOnce(
    t,
    await grid.command('execute', await taskDirectory(t, '{"image": "busybox:stable",'), to),
    2,
    /kolejka_task\.json.*JSON/,
  );
  saysOnce(
    t,
    await grid.command(
      'execute',
      await taskDirectory(t, { image: 'busybox:stable', args: ['true'], limits: { memory: '10 apples' } }),
      to,
    ),
    2,
    /limits\.memory/,
  );
  saysOnce(t, await grid.command('execute', path.join(grid.directory, 'nowhere'), to), 2, /nowhere/);
  saysOnce(t, await grid.command('result', 'get', '0'.repeat(32), to), 4, /no task/i);
  t.deepEqual(await grid.finish(), []);
});

test.serial('a server that does not run is one sentence', async (t) => {
  const directory = await taskDirectory(t, {});
  const said = await runCommand('kolejka-client', [
    'execute',
    hello,
    out(directory),
    '--server',
    'http://127.0.0.1:9',
    '--username',
    'x',
    '--password',
    'y',
  ]);
  saysOnce(t, said, 5, /http:\/\/127\.0\.0\.1:9 does not answer/);
});

test.serial('a Docker that does not run is one sentence, for the worker, the foreman and kolejka up', async (t) => {
  const directory = await taskDirectory(t, {});
  const env = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
  saysOnce(
    t,
    await runCommand('kolejka-worker', ['execute', hello, out(directory)], { env }),
    6,
    /Docker is not running/,
  );
  saysOnce(
    t,
    await runCommand('kolejka-foreman', ['--server', 'http://127.0.0.1:9', '--username', 'x', '--password', 'y'], {
      env,
    }),
    6,
    /Docker is not running/,
  );
  saysOnce(
    t,
    await runCommand('kolejka', ['up', '--data', path.join(directory, 'data'), '--listen', '127.0.0.1:0'], { env }),
    6,
    /Docker is not running/,
  );
});

test.serial('wrong inputs to the worker are one sentence', async (t) => {
  const good = { image: 'busybox:stable', args: ['true'], limits: { memory: '32M', pids: 16, time: '5s' } };
  const directory = await taskDirectory(t, good);
  const execute = (task: string, ...more: string[]) =>
    runCommand('kolejka-worker', ['execute', task, out(directory), '--temp', path.join(directory, 'runs'), ...more]);
  saysOnce(t, await execute(await taskDirectory(t, { ...good, image: 'no-such-image:ever' })), 6, /no-such-image:ever/);
  saysOnce(t, await execute(await taskDirectory(t, { ...good, files: { 'b.txt': 'b.txt' } })), 2, /b\.txt/);
  saysOnce(t, await execute(await taskDirectory(t, 'null')), 2, /kolejka_task\.json/);
  saysOnce(t, await execute(await taskDirectory(t, { ...good, args: [] })), 2, /args/);
  saysOnce(t, await execute(directory, '--memory', 'lots'), 2, /--memory/);
  await mkdir(path.join(directory, 'full'));
  await writeFile(path.join(directory, 'full', 'thesis.tex'), 'x');
  saysOnce(t, await runCommand('kolejka-worker', ['execute', directory, path.join(directory, 'full')]), 2, /not empty/);
});
