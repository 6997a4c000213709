import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text as readText } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { openObserver } from '../src/client.ts';
import { BIN, lives } from './daemon.ts';
import { until } from './until.ts';

const isRoot = process.getuid?.() === 0;
const whenRoot = isRoot ? test : test.skip;

interface Place {
  at: (name: string) => string;
  /** Starts the observer in the background, and waits for the end of what started it. */
  detach: (...args: string[]) => Promise<Ended>;
  pid: () => number;
}

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A directory for one test; what runs there at the end is ended. */
function place(t: ExecutionContext): Place {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-observer-'));
  const at = (name: string) => path.join(directory, name);
  const pid = () => Number(readFileSync(at('pid'), 'utf8'));
  t.teardown(async () => {
    const left = existsSync(at('pid')) ? pid() : 0;
    if (left > 1 && left !== process.pid && lives(left)) process.kill(left, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  const args = ['-s', at('made/socket'), '--state', at('state'), '--pid-file', at('pid'), '--detach'];
  return { at, pid, detach: async (...more) => run(directory, [...args, ...more]) };
}

async function run(cwd: string, args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  // `close` comes when nobody holds the pipes any more: a daemon that kept its terminal would keep this waiting.
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { status, ...said };
}

whenRoot('--detach returns when the daemon listens, away from its terminal and directory', async (t) => {
  const { at, pid, detach } = place(t);
  const { status, stdout } = await detach();
  t.is(status, 0);
  t.is(stdout, `kolejka-observer listens on ${at('made/socket')}\n`);
  const observer = openObserver(at('made/socket'));
  t.is(await observer.status(), 0);
  observer.end();
  t.is(readFileSync(at('pid'), 'utf8'), `${pid()}\n`);
  const fields = readFileSync(`/proc/${pid()}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  t.deepEqual([fields[3], fields[4]], [String(pid()), '0'], 'a session of its own, without a terminal');
  const daemon = pid();
  process.kill(daemon, 'SIGTERM');
  await until(() => !lives(daemon), 'the daemon ends');
  t.false(existsSync(at('pid')));
  t.false(existsSync(at('made/socket')));
});

whenRoot('--detach shows why the daemon did not start, with its exit status', async (t) => {
  const { at, detach } = place(t);
  writeFileSync(at('file'), '');
  const { status, stdout, stderr } = await detach('-s', at('file/socket'));
  t.is(status, 6);
  t.is(stdout, '');
  t.regex(stderr, /^kolejka-observer: The observer cannot listen on .* \(E\w+\); choose another path with -s\.$/m);
  t.false(existsSync(at('pid')));
});

whenRoot('a second daemon is refused, and the first keeps its socket and pid file', async (t) => {
  const { at, pid, detach } = place(t);
  t.is((await detach()).status, 0);
  const first = pid();
  const second = await detach();
  t.is(second.status, 2);
  t.regex(second.stderr, /runs already/);
  const other = await detach('-s', at('other/socket'), '--state', at('other-state'));
  t.is(other.status, 2);
  t.regex(other.stderr, new RegExp(`The pid file .*/pid is that of process ${first}, which runs`));
  t.is(pid(), first);
  t.true(lives(first));
  t.false(existsSync(at('other/socket')));
});

whenRoot('the pid file, socket and lock of a daemon that was killed are replaced', async (t) => {
  const { at, pid, detach } = place(t);
  t.is((await detach()).status, 0);
  const killed = pid();
  process.kill(killed, 'SIGKILL');
  await until(() => !lives(killed), 'the daemon ends');
  t.true(existsSync(at('made/socket')));
  t.is((await detach()).status, 0);
  t.not(pid(), killed);
});

whenRoot('a pid file whose number another process has by now is replaced', async (t) => {
  const { at, pid, detach } = place(t);
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
  for (const [content, written] of [
    [`${child.pid}\n`, 1_000_000_000],
    ['no number', Date.now() / 1000],
    ['', Date.now() / 1000],
  ] as const) {
    writeFileSync(at('pid'), content);
    utimesSync(at('pid'), written, written);
    t.is((await detach()).status, 0, content);
    const daemon = pid();
    t.not(daemon, child.pid);
    process.kill(daemon, 'SIGTERM');
    await until(() => !lives(daemon), 'the daemon ends');
  }
  t.true(child.exitCode === null && child.signalCode === null);
});

whenRoot('a state directory that others can enter, or that is a link, is refused', async (t) => {
  const { at, detach } = place(t);
  for (const state of [tmpdir(), at('link')]) {
    if (state === at('link')) symlinkSync(path.dirname(at('link')), state);
    const { status, stderr } = await detach('--state', state);
    t.is(status, 6);
    t.regex(stderr, /nobody else can enter: chown it, and chmod 700/);
  }
  t.is(statSync(tmpdir()).mode & 0o007, 0o007, 'it is left as it was');
});

whenRoot('regression: a directory that cannot be made is refused, not tried without end', async (t) => {
  const { detach } = place(t);
  for (const args of [
    ['-s', '/proc/kolejka/socket'],
    ['--state', '/proc/kolejka/state'],
  ]) {
    const { status, stderr } = await detach(...args);
    t.is(status, 6, stderr);
    t.regex(stderr, /\(ENOENT\); choose another (path with -s|directory with --state)\.$/m);
  }
});

whenRoot('regression: an observer that is not root is refused; it listened, and could make no session', async (t) => {
  const args = ['--clear-groups', '--reuid', '65534', process.execPath, BIN, '-s', '/tmp/x/socket'];
  const env = { ...process.env, HOME: '/nonexistent' };
  const child = spawn('setpriv', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  t.regex(await readText(child.stderr), /which only root can: start it as root\.\n$/);
  t.is(await closed, 6);
});

test('a socket path that is too long for the kernel is refused', async (t) => {
  const { status, stderr } = await place(t).detach('--socket', '/'.padEnd(200, 'x'));
  t.is(status, 2);
  t.regex(stderr, /--socket: expected a path of at most 107 bytes/);
});
