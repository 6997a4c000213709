import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { openCgroups } from '../../src/cgroup/index.ts';
import { type Daemon, lives, startDaemon } from '../daemon.ts';
import { run, startRun } from './command.ts';

const isRoot = process.getuid?.() === 0;
const whenRoot = isRoot ? test.serial : test.serial.skip;

let daemon: Daemon;
let directory: string;
const inDirectory = (name: string) => path.join(directory, name);
const read = (name: string) => readFileSync(inDirectory(name), 'utf8');

if (isRoot) {
  test.before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'kolejka-run-'));
    daemon = await startDaemon();
  });
  test.after.always(async (t) => {
    t.is(await daemon.stop(), 0);
    daemon.remove();
    rmSync(directory, { recursive: true, force: true });
    const groups = [...daemon.log().matchAll(/"group":"([^"]+)"/g)].map(([, group = '']) => group);
    t.true(groups.length > 0);
    t.deepEqual(
      groups.filter((group) => openCgroups().open(group).exists()),
      [],
      'no group is left',
    );
  });
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

whenRoot('a program runs in a session, alone, and its exit status is passed on', async (t) => {
  const script = 'grep pids: /proc/self/cgroup || cat /proc/self/cgroup; exec cat';
  const said = await run(daemon.socket, ['--json', 'sh', '-c', `${script} /proc/$$/status; exit 7`]);
  t.is(said.exit, 0, said.stderr);
  t.regex(said.stdout, /\/kolejka\/observer\/kolejka_observer_[0-9a-f]{32}$/m);
  const { result, reason, stats } = said.json();
  t.deepEqual([result, reason], [0, 'exit']);
  const pids: { max_usage?: number } = stats['pids'] ?? {};
  t.is(pids.max_usage, 2, 'the shell and one grep, and nothing of who started them');
  t.is((await run(daemon.socket, ['sh', '-c', 'exit 7'])).exit, 7);
  t.is((await run(daemon.socket, ['sh', '-c', 'kill -TERM $$'])).exit, 143);
});

whenRoot('no descriptor of who started it is open in the program', async (t) => {
  const list = ['ls', '/proc/self/fd'] as const;
  const plain = execFileSync(list[0], [list[1]], { encoding: 'utf8' });
  t.is((await run(daemon.socket, list)).stdout, plain);
});

const LIMITED: [title: string, flags: string[], script: string, reason: string, said: RegExp][] = [
  ['time', ['--time', '200ms'], 'sleep 60 & sleep 60', 'time', /The time limit of 0\.2s was reached\./],
  ['memory', ['--memory', '16M', '--swap', '0'], 'exec tail /dev/zero', 'memory', /killed for memory; .* 16777216b/],
  ['pids', ['--pids', '2'], 'sleep 0.1 & sleep 0.1 & wait', 'pids', /A fork was refused; .* pids of 2/],
];
for (const [title, flags, script, reason, sentence] of LIMITED) {
  whenRoot(`a program that meets its limit on ${title} ends with this reason on stderr`, async (t) => {
    const plain = await run(daemon.socket, [...flags, 'sh', '-c', script]);
    t.regex(plain.stderr, sentence);
    t.is(plain.exit, reason === 'pids' ? 2 : 137, plain.stderr);
    const json = (await run(daemon.socket, [...flags, '--json', 'sh', '-c', script])).json();
    t.is(json.reason, reason);
    t.regex(json.message ?? '', sentence);
  });
}

whenRoot('a limit that no session keeps, and one that is no value, run nothing', async (t) => {
  const foreign = await run(daemon.socket, ['--network', 'yes', 'touch', inDirectory('ran')]);
  t.deepEqual([foreign.exit, /--network: this limit is one of tasks/.test(foreign.stderr)], [125, true]);
  const wrong = await run(daemon.socket, ['--memory', 'much', 'touch', inDirectory('ran')]);
  t.deepEqual([wrong.exit, /--memory: "much" is not a size/.test(wrong.stderr)], [125, true]);
  t.false(existsSync(inDirectory('ran')));
});

whenRoot('what of the session still runs when the program has ended is killed', async (t) => {
  const { stdout, exit } = await run(daemon.socket, ['sh', '-c', 'sleep 600 >/dev/null 2>&1 & echo $!; exit 4']);
  t.is(exit, 4);
  t.false(lives(Number(stdout)));
});

whenRoot('streams are files, appended to or not, and one file takes both', async (t) => {
  writeFileSync(inDirectory('in'), 'given\n');
  const flags = ['--stdin', inDirectory('in'), '--stdout', inDirectory('out')];
  for (let i = 0; i < 2; i += 1) await run(daemon.socket, [...flags, 'cat']);
  t.is(read('out'), 'given\n');
  await run(daemon.socket, [...flags, '--stdout-append', 'cat']);
  t.is(read('out'), 'given\ngiven\n');
  const both = ['--stdout', inDirectory('new/both'), '--stderr', inDirectory('new/both')];
  const said = await run(daemon.socket, [...both, 'sh', '-c', 'echo one; echo two >&2; echo three']);
  t.deepEqual([read('new/both'), said.stdout, said.stderr], ['one\ntwo\nthree\n', '', '']);
});

whenRoot('output over its cap is dropped, and the program goes on', async (t) => {
  const caps = ['--stdout-max-bytes', '1k', '--stderr-max-bytes', '4'];
  const files = ['--stdout', inDirectory('capped'), '--stderr', inDirectory('errors')];
  const script = 'echo error >&2; head -c 3000000 /dev/zero; exit 5';
  const said = await run(daemon.socket, [...caps, ...files, '--json', 'sh', '-c', script]);
  t.is(said.exit, 5);
  t.is(read('capped'), '\0'.repeat(1024));
  t.is(read('errors'), 'erro');
  t.like(said.json(), { stdout: { bytes: 3_000_000, cut: true }, stderr: { bytes: 6, cut: true } });
  const whole = await run(daemon.socket, ['--stdout-max-bytes', '3', '--json', 'printf', 'abc']);
  t.is(whole.stdout, 'abc');
  t.like(whole.json(), { stdout: { bytes: 3, cut: false } });
});

whenRoot('directory, environment, umask and niceness are as said', async (t) => {
  const script = 'pwd; umask; nice; env | sort | grep -v ^PWD=';
  const flags = ['--dir', '/usr', '--clear-env', '--env', 'A=1=2', '--env', 'B=', '--umask', '027', '--nice', '3'];
  const { stdout, stderr } = await run(daemon.socket, [...flags, '/bin/sh', '-c', script]);
  t.is(stdout, '/usr\n0027\n3\nA=1=2\nB=\n', stderr);
});

whenRoot('regression: nothing of the shell that starts a program is in its environment', async (t) => {
  const { stdout, stderr } = await run(daemon.socket, ['--dir', '/usr', '--clear-env', '--env', 'A=1', '/usr/bin/env']);
  t.is(stdout, 'A=1\n', stderr);
});

whenRoot('a program gets a session of the system of its own where that is said', async (t) => {
  const isLeader = ['sh', '-c', '[ $(ps -o sid= -p $$) -eq $$ ] && echo leads || echo follows'];
  t.is((await run(daemon.socket, isLeader)).stdout, 'follows\n');
  t.is((await run(daemon.socket, ['--session', ...isLeader])).stdout, 'leads\n');
  t.is((await run(daemon.socket, ['--session', '--user', '1', '--groups', '7', ...isLeader])).stdout, 'leads\n');
});

const IDS: [title: string, flags: string[], expected: string][] = [
  ['by number', ['--user', '12345'], '12345 12345 12345'],
  ['by name, with its group', ['--user', 'daemon'], '1 1 1'],
  ['with another group', ['--user', '12345', '--group', '54321'], '12345 54321 54321'],
  ['with further groups', ['--user', '12345', '--groups', '54321,daemon'], '12345 12345 12345 1 54321'],
  ['that is root in another group', ['--group', '54321', '--groups', '7'], '0 54321 54321 7'],
];
for (const [title, flags, expected] of IDS) {
  whenRoot(`a program is a user ${title}`, async (t) => {
    const script = 'echo $(id -u; id -g; id -G)';
    const status = 'grep -E "^(Uid|Gid|CapEff|CapPrm):" /proc/self/status';
    const { stdout, stderr } = await run(daemon.socket, [...flags, 'sh', '-c', `${script}; ${status}`]);
    const [ids = '', ...lines] = stdout.trimEnd().split('\n');
    const [uid, gid, ...groups] = ids.split(' ');
    const sorted = groups.toSorted((one, other) => Number(one) - Number(other));
    t.deepEqual([uid, gid, ...new Set(sorted)].join(' '), unordered(expected), stderr);
    const [uids = '', gids = '', permitted = '', effective = ''] = lines.map((line) =>
      line.split('\t').slice(1).join(' '),
    );
    t.is(uids, Array<unknown>(4).fill(uid).join(' '), 'saved ones too: there is no way back');
    t.is(gids, Array<unknown>(4).fill(gid).join(' '));
    if (uid !== '0') t.deepEqual([permitted, effective], ['0'.repeat(16), '0'.repeat(16)]);
  });
}

function unordered(expected: string): string {
  const [uid, gid, ...groups] = expected.split(' ');
  return [uid, gid, ...groups.toSorted((one, other) => Number(one) - Number(other))].join(' ');
}

whenRoot('a program has another root, which needs a shell', async (t) => {
  const root = inDirectory('root');
  for (const file of filesOf('/bin/sh')) {
    mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
    copyFileSync(file, path.join(root, file));
  }
  writeFileSync(path.join(root, 'here'), 'inside\n');
  const script = 'read -r line < /here; echo "$line"; pwd; cd ..; pwd; id';
  const { stdout, stderr } = await run(daemon.socket, [
    '--root',
    root,
    '--user',
    '12345',
    '--groups',
    '7',
    'sh',
    '-c',
    script,
  ]);
  t.is(stdout, 'inside\n/\n/\n', stderr);
  mkdirSync(inDirectory('empty'));
  const empty = await run(daemon.socket, ['--root', inDirectory('empty'), 'true']);
  t.deepEqual([empty.exit, /look at \/, or \/bin\/sh in /.test(empty.stderr)], [125, true], empty.stderr);
  const none = await run(daemon.socket, ['--root', inDirectory('none'), 'true']);
  t.deepEqual([none.exit, /none is no directory that can be the root/.test(none.stderr)], [125, true], none.stderr);
});

/** A program and the libraries it is loaded with. */
function filesOf(program: string): string[] {
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/(\/\S+) \(0x/g);
  return [program, ...Array.from(libraries, ([, file = '']) => file)];
}

whenRoot('in the background it returns when the program has begun, and leaves its files at the end', async (t) => {
  const [pid, stats] = [inDirectory('pid'), inDirectory('stats')];
  const files = ['--pid-file', pid, '--stats-file', stats, '--stdout', inDirectory('out')];
  const script = 'read -r line; echo "$$ $line"; exec sleep 600';
  const { exit, stderr } = await run(daemon.socket, ['--background', ...files, '--time', '1D', 'sh', '-c', script]);
  t.is(exit, 0, stderr);
  const running = read('pid').trim();
  await until(() => read('out') !== '', 'the program writes');
  t.is(read('out'), `${running} \n`);
  t.is(read('stats'), '', 'it is not over');
  process.kill(Number(running), 'SIGTERM');
  await until(() => !existsSync(pid), 'the file of the pid goes');
  t.regex(read('stats'), /^\{"cpu":\{"usage":"[\d.e-]+s".*"time":"[\d.]+s","gpus":\{\}.*\}\n$/);
});

whenRoot('a background that cannot begin says so', async (t) => {
  const { exit, stderr } = await run(`${daemon.socket}-nobody`, ['--background', 'true']);
  t.is(exit, 125);
  t.regex(stderr, /^\S+: The observer at \S+-nobody does not answer \(ENOENT\)\.\n$/);
});

whenRoot('a signal is passed on, and the second kills what does not listen', async (t) => {
  for (const [onSignal, expected] of [
    ['exit 9', 9],
    ['echo heard', 137],
  ] as const) {
    const script = `trap "${onSignal}" TERM; echo ready; while :; do sleep 0.05; done`;
    const child = startRun(daemon.socket, ['sh', '-c', script]);
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    // Each line is heard before the next signal: two of one kind at once are one.
    child.stdout.on('data', () => child.kill('SIGTERM'));
    t.is(await ended, expected);
  }
});

whenRoot('regression: a signal from the first moment of the program on is passed on', async (t) => {
  const script = 'trap "exit 9" TERM; kill -TERM $PPID; for _ in $(seq 200); do sleep 0.05; done';
  // Many at once: on a busy machine programs come far before who started them goes on.
  const said = await Promise.all(Array.from({ length: 12 }, () => run(daemon.socket, ['sh', '-c', script])));
  t.deepEqual(
    said.map(({ exit }) => exit),
    Array.from(said, () => 9),
  );
});

const NOT_RUN: [title: string, args: string[], exit: number, said: RegExp][] = [
  ['a program that is not there is 127', ['no-such-program'], 127, /^\S+: .*no-such-program: not found\n$/],
  ['a program that cannot be executed is 126', ['/etc/passwd'], 126, /^\S+: .*ermission denied\n$/],
  ['a directory that is not there is 125', ['--dir', '/nowhere', 'true'], 125, /\(ENOENT\): look at \/nowhere\.\n$/],
  [
    'a file that cannot be read is 125',
    ['--stdin', '/nowhere', 'cat'],
    125,
    /--stdin: \/nowhere cannot be opened \(ENO/,
  ],
  [
    'a file that cannot be written is 125',
    ['--stats-file', '/nowhere/x', 'true'],
    125,
    /--stats-file: \/nowhere\/x cannot/,
  ],
  ['a user that is not there is 125', ['--user', 'no-such-user', 'true'], 125, /--user: there is no "no-such-user"/],
  ['a variable without a value is 125', ['--env', 'A', 'true'], 125, /--env: "A" is not NAME=VALUE/],
  ['a umask that is no octal number is 125', ['--umask', '9', 'true'], 125, /--umask: "9" is not an octal number/],
  ['a flag that is not there is 125', ['--nothing', 'true'], 125, /unknown option '--nothing'/],
  ['no program is 125', [], 125, /missing required argument/],
  ['a name like a flag is 125', ['--', '-x'], 125, /does not begin with "-": "-x"/],
];
for (const [title, args, exit, said] of NOT_RUN) {
  whenRoot(title, async (t) => {
    const all = await run(daemon.socket, args);
    t.regex(all.stderr, said);
    t.is(all.exit, exit);
  });
}
