import { execFileSync, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Log, type LogOptions, openLog, withoutSecrets } from '@kolejka/program';
import test from 'ava';

const MESSAGES = {
  started: { level: 'info', about: 'The program runs.' },
  slow: { level: 'warn', about: 'Something takes long.' },
  broken: { level: 'error', about: 'Something broke.' },
  detail: { level: 'debug', about: 'For developers.' },
} as const;

/** The lines that `use` had written, parsed. */
function linesOf(use: (log: Log<typeof MESSAGES>) => void, options: LogOptions = {}): Record<string, unknown>[] {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-log-'));
  const file = path.join(directory, 'log');
  const descriptor = openSync(file, 'w');
  try {
    use(openLog('some', MESSAGES, { ...options, descriptor }));
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
  } finally {
    closeSync(descriptor);
    rmSync(directory, { recursive: true });
  }
}

test('a line is JSON with its level, time, program, name and fields', (t) => {
  const [line, ...more] = linesOf((log) => log.say('started', { port: 8000 }));
  t.deepEqual(more, []);
  t.like(line, { level: 'info', program: 'some', msg: 'started', port: 8000 });
  t.regex(String(line?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

const SAID: [LogOptions['level'] | undefined, string[]][] = [
  [undefined, ['started', 'slow', 'broken']],
  ['debug', ['started', 'slow', 'broken', 'detail']],
  ['warn', ['slow', 'broken']],
  ['error', ['broken']],
  ['silent', []],
];

for (const [level, said] of SAID) {
  test(`at level ${level ?? 'nobody chose'} one reads: ${said.join(', ')}`, (t) => {
    const names = Object.keys(MESSAGES) as (keyof typeof MESSAGES)[];
    const lines = linesOf((log) => names.forEach((name) => log.say(name)), level === undefined ? {} : { level });
    t.deepEqual(
      lines.map(({ msg }) => msg),
      said,
    );
  });
}

test('an error is written with its message and its stack', (t) => {
  const [line] = linesOf((log) => log.say('broken', { error: new TypeError('no such thing') }));
  t.like(line?.['error'], { type: 'TypeError', message: 'no such thing' });
  t.regex(String((line?.['error'] as { stack?: string } | undefined)?.stack), /log\.test\.ts/);
});

test('a text of several lines stays one line of the log', (t) => {
  t.is(linesOf((log) => log.say('started', { text: 'a\nb\u2028c' })).length, 1);
});

test('a configuration that is logged as it should be says nothing secret', (t) => {
  const table = {
    username: { parse: String, about: 'Who.' },
    password: { parse: String, secret: true, about: 'Proof.' },
    token: { parse: String, secret: true, about: 'Proof.' },
  } as const;
  const config = { username: 'me', password: 'hunter2', token: undefined };
  const [line] = linesOf((log) => log.say('started', { config: withoutSecrets(table, config) }));
  t.deepEqual(line?.['config'], { username: 'me', password: '•••' });
  t.false(JSON.stringify(line).includes('hunter2'));
});

const LOGGING = fileURLToPath(new URL('fixtures/logging.ts', import.meta.url));

function startLogging(stdio: StdioOptions, ...args: string[]) {
  return spawn(process.execPath, ['--conditions=kolejka-source', LOGGING, ...args], { stdio });
}

test('regression: a log on a full disk loses its lines and ends nothing', async (t) => {
  const full = openSync('/dev/full', 'w');
  const child = startLogging(['ignore', 'pipe', full]);
  closeSync(full);
  const [said, [status]] = await Promise.all([text(child.stdout as Readable), once(child, 'exit')]);
  t.deepEqual([said, status], ['alive\n', 0]);
});

test('regression: a log whose reader has gone ends nothing', async (t) => {
  const child = startLogging(['pipe', 'pipe', 'pipe'], 'wait');
  child.stderr?.destroy();
  await new Promise((resolve) => child.stderr?.on('close', resolve));
  child.stdin?.end();
  const [said, [status]] = await Promise.all([text(child.stdout as Readable), once(child, 'exit')]);
  t.deepEqual([said, status], ['alive\n', 0]);
});

test('a line after one that could only be written in part begins anew', (t) => {
  // A pipe of 64 KiB that nobody reads for now, and that does not block.
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-log-'));
  const fifo = path.join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const descriptor = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const log = openLog('some', MESSAGES, { descriptor });
    log.say('started', { text: 'x'.repeat(100_000) });
    const part = Buffer.alloc(100_000);
    const length = readSync(descriptor, part);
    log.say('slow');
    const next = part.toString('utf8', 0, readSync(descriptor, part));
    t.true(length < 100_000);
    t.is(next[0], '\n');
    t.like(JSON.parse(next), { msg: 'slow' });
  } finally {
    closeSync(descriptor);
    rmSync(directory, { recursive: true });
  }
});
