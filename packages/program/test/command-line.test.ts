import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ERRORS, type ErrorCode } from '@kolejka/protocol';
import test from 'ava';

const COMMAND = fileURLToPath(new URL('fixtures/command.ts', import.meta.url));
const MANIFEST = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

const run = (...args: string[]) => runFile(COMMAND, args);

async function runFile(file: string, args: string[]) {
  const child = spawn(process.execPath, ['--conditions=kolejka-source', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { out, err, status };
}

test('a command that goes well ends with 0 and says nothing on stderr', async (t) => {
  t.deepEqual(await run('well'), { out: 'done\n', err: '', status: 0 });
});

const ONE_OF_EACH_EXIT: ErrorCode[] = [
  'stale-lease',
  'bad-config',
  'wrong-password',
  'not-found',
  'server-unreachable',
  'engine-unreachable',
  'task-failed',
];

for (const code of ONE_OF_EACH_EXIT) {
  test(`${code} is one sentence, and exit status ${ERRORS[code].exit}`, async (t) => {
    const { out, err, status } = await run('refuse', code);
    t.is(err, 'kolejka-some: It does not go, because of the test.\n');
    t.is(out, '');
    t.is(status, ERRORS[code].exit);
  });
}

test('regression: the exit status says how it ended also when nobody reads the sentence', async (t) => {
  const child = spawn(process.execPath, ['--conditions=kolejka-source', COMMAND, 'refuse', 'not-found'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.destroy();
  const [status] = (await once(child, 'exit')) as [number | null];
  t.is(status, ERRORS['not-found'].exit);
});

test('regression: a list whose reader goes away, as head does, ends well', async (t) => {
  const child = spawn(process.execPath, ['--conditions=kolejka-source', COMMAND, 'list'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  const [err, [status]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>]);
  t.deepEqual({ err, status }, { err: '', status: 0 });
});

test('regression: a list that the disk does not take is an error of one sentence', async (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  const child = spawn(process.execPath, ['--conditions=kolejka-source', COMMAND, 'list'], {
    stdio: ['ignore', full, 'pipe'],
  });
  const [err, [status]] = await Promise.all([
    text(child.stderr as Readable),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  t.deepEqual({ err, status }, { err: 'kolejka-some: What was to be printed is lost: ENOSPC.\n', status: 1 });
});

test('what nobody foresaw is one sentence too, that points to --debug', async (t) => {
  const { err, status } = await run('break');
  t.is(err, 'kolejka-some: something broke here: undefined is not a test (--debug shows where)\n');
  t.is(status, 1);
});

for (const flag of ['--debug', '-d', '-vd']) {
  test(`${flag} shows where an error comes from`, async (t) => {
    for (const args of [
      ['break', flag],
      [flag, 'refuse', 'not-found'],
    ]) {
      const { err } = await run(...args);
      t.regex(err, /^kolejka-some: .*\n(.*\n)*\s+at .*fixtures\/command\.ts:/);
    }
  });
}

const MISUSES: [string, string[], RegExp][] = [
  ['an unknown command', ['dance'], /unknown command 'dance'/],
  ['an unknown flag', ['well', '--loud'], /unknown option '--loud'/],
  ['a missing argument', ['refuse'], /missing required argument 'code'/],
  ['an argument too many', ['well', 'now'], /too many arguments/],
];

for (const [what, args, sentence] of MISUSES) {
  test(`${what} is named, with a hint at --help, and exit status 2`, async (t) => {
    const { out, err, status } = await run(...args);
    t.regex(err, sentence);
    t.regex(err, /--help/);
    t.true(err.trim().split('\n').length <= 3);
    t.is(out, '');
    t.is(status, 2);
  });
}

test('no command at all shows the help, and exit status 2', async (t) => {
  const { err, status } = await run();
  t.regex(err, /^Usage: kolejka-some/);
  t.is(status, 2);
});

test('--help is no error, and knows the flags of all programs', async (t) => {
  for (const args of [['--help'], ['refuse', '--help']]) {
    const { out, err, status } = await run(...args);
    t.is(status, 0);
    t.is(err, '');
    for (const flag of ['--config-file', '--config', '--verbose', '--debug', '--version'])
      t.true(out.includes(flag), flag);
  }
});

test('--version is the version of the package of the program, also when a link starts it', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-version-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const link = path.join(directory, 'kolejka-some');
  symlinkSync(COMMAND, link);
  for (const command of [COMMAND, link]) {
    for (const args of [['--version'], ['well', '--version']]) {
      t.deepEqual(await runFile(command, args), { out: `${MANIFEST.version}\n`, err: '', status: 0 });
    }
  }
});

test('common flags may stand before the command or after it', async (t) => {
  const flags = { configFile: '/x', debug: true, level: 'debug' };
  t.deepEqual(JSON.parse((await run('--config-file', '/x', '-d', 'flags')).out), flags);
  t.deepEqual(JSON.parse((await run('flags', '--config-file', '/x', '-d')).out), flags);
  t.deepEqual(JSON.parse((await run('flags')).out), { level: 'info' });
});
