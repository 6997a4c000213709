import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { EXITS } from '@kolejka/protocol';
import test, { type ExecutionContext } from 'ava';
import { takeTask } from './foreman-of-test.ts';
import { temporary } from './listen.ts';
import { PASSWORD, type RealServer, startServer } from './real-server.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const NODE = process.execArgv.filter((flag) => flag.startsWith('--conditions'));

let server: RealServer;
const closings: (() => unknown)[] = [];
test.before(async () => {
  server = await startServer({ teardown: (close) => void closings.push(close) });
});
test.after.always(async () => {
  for (const close of closings.toReversed()) await close();
});

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** kolejka-client as alice, with nothing else in its environment. */
function begin(
  t: ExecutionContext,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  stdout: 'pipe' | number = 'pipe',
): ChildProcess {
  const home = temporary(t);
  const child = spawn(process.execPath, [...NODE, MAIN, ...args], {
    stdio: ['ignore', stdout, 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      XDG_CONFIG_HOME: home,
      KOLEJKA_SERVER: server.address,
      KOLEJKA_USERNAME: 'alice',
      KOLEJKA_PASSWORD: PASSWORD,
      ...env,
    },
  });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

async function end(child: ChildProcess): Promise<Ended> {
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('no pipes');
  const [out, err] = await Promise.all([text(stdout), text(stderr)]);
  return { status: await ended, stdout: out, stderr: err };
}

const run = async (t: ExecutionContext, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  await end(begin(t, args, env));

function taskDirectory(t: ExecutionContext, spec: object = {}): string {
  const directory = path.join(temporary(t), 'task');
  mkdirSync(directory);
  const task = { image: 'busybox:stable', args: ['uname'], stdout: 'stdout.txt', files: { input: 'input' }, ...spec };
  writeFileSync(path.join(directory, 'kolejka_task.json'), JSON.stringify(task));
  writeFileSync(path.join(directory, 'input'), 'some input');
  return directory;
}

test.serial('--help tells the commands and what each exit status means', async (t) => {
  const { status, stdout } = await run(t, ['--help']);
  t.is(status, 0);
  for (const [exit, meaning] of Object.entries(EXITS)) t.true(stdout.includes(`  ${exit}  ${meaning}`));
  for (const command of ['execute', 'task', 'result', 'blob']) t.regex(stdout, new RegExp(`^  ${command} `, 'm'));
});

test.serial('execute --help has a flag for each of the original', async (t) => {
  const { stdout } = await run(t, ['execute', '--help']);
  const flags = [
    'cpus',
    'memory',
    'swap',
    'pids',
    'storage',
    'image',
    'workspace',
    'time',
    'network',
    'interval',
    'consume',
  ];
  for (const flag of flags) t.regex(stdout, new RegExp(`^  --${flag}[ ]`, 'm'));
  t.regex(stdout, /Files that the result has are replaced/);
});

test.serial('regression: blob get writes to its own output, also one that goes on in a file', async (t) => {
  const directory = temporary(t);
  const [file, log] = [path.join(directory, 'file'), path.join(directory, 'log')];
  writeFileSync(file, 'some bytes');
  const key = (await run(t, ['blob', 'put', file])).stdout.trim();
  t.deepEqual(await run(t, ['blob', 'get', key, '/dev/stdout']), { status: 0, stdout: 'some bytes', stderr: '' });
  writeFileSync(log, 'before, ');
  const descriptor = openSync(log, 'a');
  const [status] = (await once(begin(t, ['blob', 'get', key, '/dev/stdout'], {}, descriptor), 'exit')) as [number];
  writeSync(descriptor, ', after');
  closeSync(descriptor);
  t.deepEqual([status, readFileSync(log, 'utf8')], [0, 'before, some bytes, after']);
});

test.serial('blob put prints the key of a reference and nothing else; blob get brings the bytes back', async (t) => {
  const directory = temporary(t);
  writeFileSync(path.join(directory, 'file'), 'hello');
  const put = await run(t, ['blob', 'put', path.join(directory, 'file')]);
  t.deepEqual([put.status, put.stderr], [0, '']);
  t.regex(put.stdout, /^[0-9a-f]{32}\n$/);
  const get = await run(t, ['blob', 'get', put.stdout.trim(), path.join(directory, 'new', 'copy')]);
  t.deepEqual(get, { status: 0, stdout: '', stderr: '' });
  t.is(readFileSync(path.join(directory, 'new', 'copy'), 'utf8'), 'hello');
  const shown = await run(t, ['blob', 'put', '--json', path.join(directory, 'file')]);
  t.is((JSON.parse(shown.stdout) as { size: number }).size, 5);
});

test.serial('task put prints the identifier only; task get writes what was put, lowered by the flags', async (t) => {
  const spec = { limits: { memory: '64M', pids: 16 } };
  const put = await run(t, ['task', 'put', taskDirectory(t, spec), '--memory', '32M', '--pids', '99', '--time', '5M']);
  t.deepEqual([put.status, put.stderr], [0, '']);
  t.regex(put.stdout, /^[0-9a-f]{32}\n$/);
  const copy = path.join(temporary(t), 'copy');
  t.deepEqual(await run(t, ['task', 'get', put.stdout.trim(), copy]), { status: 0, stdout: '', stderr: '' });
  const task = JSON.parse(readFileSync(path.join(copy, 'kolejka_task.json'), 'utf8')) as { limits: object };
  t.deepEqual(task.limits as unknown, { memory: '33554432b', pids: 16, time: '300.0s' });
  t.is(readFileSync(path.join(copy, 'input'), 'utf8'), 'some input');
  // Nobody else wants it; it would be the next test's.
  await (await takeTask(t, server.address)).resolve({ result: 0 }, '');
});

test.serial('execute tells on stderr what happens, prints nothing, and writes the result', async (t) => {
  const directory = path.join(temporary(t), 'result');
  const task = taskDirectory(t);
  for (const stdout of ['first\n', 'second\n']) {
    const ending = end(begin(t, ['execute', task, directory]));
    const taken = await takeTask(t, server.address);
    await taken.run();
    await taken.resolve({ result: 3, reason: 'exit', stats: { time: '1s' } }, stdout);
    const ended = await ending;
    // A program that fails is no failure of the client, as with the original.
    t.deepEqual([ended.status, ended.stdout], [0, '']);
    t.is(
      ended.stderr,
      `uploaded: 1 file, 10b\ntask: ${taken.task.id ?? ''}\nassigned: taken by node1\nrunning: the program has started\nresolved: result 3 (exit)\n`,
    );
    t.is(readFileSync(path.join(directory, 'stdout.txt'), 'utf8'), stdout);
    const result = JSON.parse(readFileSync(path.join(directory, 'kolejka_result.json'), 'utf8')) as { result: number };
    t.is(result.result, 3);
  }
});

test.serial('--consume removes the task directory once the result is here, and --json prints the result', async (t) => {
  const task = taskDirectory(t);
  const inside = await run(t, ['execute', '--consume', task, path.join(task, 'result')]);
  t.is(inside.status, 2);
  t.true(existsSync(task));
  const ending = end(begin(t, ['execute', '--consume', '--json', task, temporary(t)]));
  await (await takeTask(t, server.address)).resolve({ result: 0, reason: 'exit' }, '');
  const ended = await ending;
  t.deepEqual([ended.status, existsSync(task)], [0, false]);
  t.is((JSON.parse(ended.stdout) as { reason: string }).reason, 'exit');
});

for (const reason of ['image', 'infrastructure']) {
  test.serial(`a task that was not run (${reason}) ends with 6, and its result is written`, async (t) => {
    const directory = path.join(temporary(t), 'result');
    const ending = end(begin(t, ['execute', taskDirectory(t), directory]));
    await (await takeTask(t, server.address)).resolve({ reason, message: 'no such image: nowhere/x' }, '');
    const ended = await ending;
    t.is(ended.status, 6);
    t.is(ended.stderr.trimEnd().split('\n').at(-1), 'kolejka-client: The task was not run: no such image: nowhere/x');
    t.true(existsSync(path.join(directory, 'kolejka_result.json')));
  });
}

test.serial('Ctrl-C while waiting says how to fetch the result later, which works', async (t) => {
  const directory = path.join(temporary(t), 'result');
  const child = begin(t, ['execute', taskDirectory(t), directory]);
  const ending = end(child);
  const taken = await takeTask(t, server.address);
  await taken.run();
  await new Promise<void>((resolve) =>
    child.stderr?.on('data', (line: Buffer) => line.includes('running') && resolve()),
  );
  child.kill('SIGINT');
  const { status, stderr } = await ending;
  t.is(status, 130);
  const command = /kolejka-client (result get .*)\n$/.exec(stderr)?.[1]?.split(' ') ?? [];
  t.is(command[2], taken.task.id);
  const early = await run(t, command);
  t.deepEqual([early.status, early.stderr], [4, `kolejka-client: Task ${command[2] ?? ''} has no result yet.\n`]);
  await taken.resolve({ result: 0, reason: 'exit' }, 'late\n');
  t.deepEqual(await run(t, command), { status: 0, stdout: '', stderr: '' });
  t.is(readFileSync(path.join(directory, 'stdout.txt'), 'utf8'), 'late\n');
});

const HELLO = fileURLToPath(new URL('../../../examples/hello', import.meta.url));
const ZEROS = '0'.repeat(32);
const ERRORS: [string, string[], number, RegExp, NodeJS.ProcessEnv?][] = [
  ['a wrong password', ['blob', 'get', ZEROS, 'x'], 3, /password is wrong/, { KOLEJKA_PASSWORD: 'hunter2' }],
  ['a wrong token', ['blob', 'get', ZEROS, 'x', '--token', 'hunter2'], 3, /token/i],
  [
    'regression: a token with a line break',
    ['blob', 'get', ZEROS, 'x'],
    2,
    /KOLEJKA_TOKEN: not a usable value/,
    { KOLEJKA_TOKEN: 'hunter2\n' },
  ],
  ['no password', ['blob', 'get', ZEROS, 'x'], 3, /--username and --password/, { KOLEJKA_PASSWORD: '' }],
  ['no server', ['blob', 'get', ZEROS, 'x'], 2, /No server is given/, { KOLEJKA_SERVER: '' }],
  [
    'a server that is no address',
    ['blob', 'get', ZEROS, 'x', '--server', 'ftp://x'],
    2,
    /--server: expected an address/,
  ],
  [
    'a server that is not running',
    ['blob', 'get', ZEROS, 'x', '--server', 'http://127.0.0.1:1'],
    5,
    /127\.0\.0\.1:1 does not answer/,
  ],
  ['an unknown reference', ['blob', 'get', ZEROS, 'x'], 4, /no reference 0000/],
  ['an unknown task', ['task', 'get', ZEROS, 'x'], 4, /no task 0000/],
  ['an unknown result', ['result', 'get', ZEROS, 'x'], 4, /no task 0000/],
  ['what is no identifier', ['result', 'get', 'deadbeef', 'x'], 4, /no task deadbeef/],
  ['a missing file', ['blob', 'put', '/nowhere'], 2, /\/nowhere is not there/],
  ['a missing task directory', ['execute', '/nowhere', 'x'], 2, /task directory \/nowhere is not there/],
  [
    'regression: a result directory that cannot be made',
    ['execute', HELLO, '/proc/xx'],
    2,
    /\/proc\/xx cannot be made/,
  ],
  ['a limit that is none', ['task', 'put', '/nowhere', '--memory', 'lots'], 2, /--memory: "lots" is not a size/],
  ['an interval that is none', ['execute', 'a', 'b', '--interval', 'often'], 2, /--interval: "often"/],
  [
    'a configuration file that is not there',
    ['--config-file', '/none', 'blob', 'put', 'x'],
    2,
    /\/none cannot be read/,
  ],
];
for (const [what, args, exit, sentence, env] of ERRORS) {
  test.serial(`${what} is one sentence and exit status ${exit}`, async (t) => {
    const { status, stdout, stderr } = await run(t, args, env);
    t.deepEqual([status, stdout], [exit, '']);
    t.regex(stderr, sentence);
    t.regex(stderr, /^kolejka-client: [^\n]+\n$/);
    t.notRegex(stderr, /hunter2/);
  });
}

test.serial('an unknown flag is one sentence and exit status 2', async (t) => {
  const { status, stderr } = await run(t, ['blob', 'put', '--fast', 'x']);
  t.is(status, 2);
  t.regex(stderr, /unknown option '--fast'/);
});

test.serial('--debug shows where an error comes from, and no secret', async (t) => {
  const { stderr } = await run(t, ['--debug', 'blob', 'get', ZEROS, 'x'], { KOLEJKA_PASSWORD: 'hunter2' });
  t.regex(stderr, /\n {4}at /);
  t.notRegex(stderr, /hunter2/);
});

test.serial('a token stands for its user', async (t) => {
  const directory = temporary(t);
  writeFileSync(path.join(directory, 'file'), 'hello');
  const token = server.makeToken('alice');
  const env = { KOLEJKA_USERNAME: '', KOLEJKA_PASSWORD: '', KOLEJKA_TOKEN: token };
  const put = await run(t, ['blob', 'put', path.join(directory, 'file')], env);
  t.deepEqual([put.status, put.stderr], [0, '']);
});

test.serial('the launcher in bin starts it', (t) => {
  const bin = fileURLToPath(new URL('../bin/kolejka-client.js', import.meta.url));
  t.regex(execFileSync(process.execPath, [bin, '--help'], { encoding: 'utf8' }), /^Usage: kolejka-client/);
  t.deepEqual(readdirSync(path.dirname(bin)), ['kolejka-client.js']);
});

test.serial('a task is shown, listed and cancelled', async (t) => {
  const put = async () => (await run(t, ['task', 'put', taskDirectory(t)])).stdout.trim();
  const [one, other] = [await put(), await put()];
  const shown = await run(t, ['task', 'show', one]);
  t.regex(shown.stdout, new RegExp(`^id: ${one}\\nstate: pending\\nimage: busybox:stable\\nowner: alice\\n`));
  t.like(await run(t, ['task', 'cancel', one]), { status: 0, stdout: '', stderr: '' });
  t.is((await run(t, ['task', 'cancel', one])).status, 0);
  const json = JSON.parse((await run(t, ['task', 'show', one, '--json'])).stdout) as Record<string, unknown>;
  t.like(json, { id: one, state: 'cancelled' });
  t.is((await run(t, ['task', 'show', '0'.repeat(32)])).status, 4);

  const list = async (...flags: string[]) => {
    const { stdout } = await run(t, ['task', 'list', '--json', ...flags]);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => (JSON.parse(line) as { id: string }).id);
  };
  t.deepEqual(await list('--most', '2'), [other, one]);
  t.true((await list('--state', 'cancelled')).includes(one));
  t.false((await list('--state', 'pending', '--since', '1H')).includes(one));
  t.deepEqual(await list('--since', '2100-01-01'), []);
  const table = (await run(t, ['task', 'list', '--most', '1'])).stdout.split('\n');
  t.regex(table[0] ?? '', /^task +state +user/);
  t.regex(table[1] ?? '', new RegExp(`^${other} +pending +alice `));
  for (const flags of [
    ['--state', 'dead'],
    ['--since', 'noon'],
    ['--most', '0'],
  ]) {
    t.is((await run(t, ['task', 'list', ...flags])).status, 2, flags.join(' '));
  }
  t.is((await run(t, ['task', 'list', '--user', 'node1'])).status, 3);
});

test.serial('regression: a list is filtered by image, which is no ceiling there', async (t) => {
  const task = (await run(t, ['task', 'put', taskDirectory(t)])).stdout.trim();
  const listed = await run(t, ['task', 'list', '--image', 'busybox:stable', '--most', '1']);
  t.true(listed.stdout.includes(task), listed.stderr);
  t.deepEqual(await run(t, ['task', 'list', '--image', 'another']), { ...listed, stdout: '' });
});

test.serial('what is deleted is gone, and deleting it again is no error', async (t) => {
  const task = (await run(t, ['task', 'put', taskDirectory(t)])).stdout.trim();
  const reference = (await run(t, ['blob', 'put', MAIN])).stdout.trim();
  for (const deleted of [true, false]) {
    t.like(await run(t, ['task', 'delete', task, '--json']), { status: 0, stdout: `${JSON.stringify({ deleted })}\n` });
    t.like(await run(t, ['blob', 'delete', reference]), { status: 0, stdout: '', stderr: '' });
  }
  t.is((await run(t, ['task', 'get', task, temporary(t)])).status, 4);
  t.is((await run(t, ['blob', 'get', reference, '/dev/null'])).status, 4);
  t.is((await run(t, ['task', 'delete', 'nonsense'])).status, 0);
  t.is((await run(t, ['result', 'delete', task])).status, 4);
});

test.serial('a token is made, used, listed and taken back', async (t) => {
  const token = (await run(t, ['token', 'create', '--label', 'night \u001b[2J', '--days', '1'])).stdout.trim();
  const withToken = { KOLEJKA_PASSWORD: '', KOLEJKA_TOKEN: token };
  const { stdout } = await run(t, ['token', 'list', '--json'], withToken);
  const tokens = stdout.trim().split('\n');
  const mine = tokens
    .map((line) => JSON.parse(line) as { id: number; label: string })
    .find(({ label }) => label !== '');
  t.is(mine?.label, 'night \u001b[2J');
  t.false(stdout.includes(token));
  t.regex((await run(t, ['token', 'list'])).stdout, new RegExp(`^${mine?.id} +night \\\\x1b\\[2J +`, 'm'));
  t.is((await run(t, ['token', 'revoke', `${mine?.id}`])).status, 0);
  t.is((await run(t, ['token', 'list'], withToken)).status, 3);
  t.is((await run(t, ['token', 'revoke', `${mine?.id}`])).status, 4);
  t.is((await run(t, ['token', 'revoke', 'x'])).status, 2);
});
