import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { parseListing } from '@kolejka/protocol';
import { openCgroups } from '../src/cgroup/index.ts';
import { openObserver } from '../src/client.ts';
import { type Daemon, startCaller, startDaemon } from './daemon.ts';
import { until } from './until.ts';

const whenRoot = process.getuid?.() === 0 ? test.serial : test.serial.skip;
const BIN = fileURLToPath(new URL('../bin/kolejka-observer.js', import.meta.url));
const execute = promisify(execFile);
const top = (...args: string[]) => execute(process.execPath, [BIN, 'top', '-s', daemon.socket, ...args]);

let daemon: Daemon;

if (process.getuid?.() === 0) {
  test.before(async () => {
    daemon = await startDaemon();
  });
  test.after.always(async (t) => {
    t.is(await daemon.stop(), 0);
    daemon.remove();
  });
}

whenRoot('all tasks and sessions of the node are told to its root, and to nobody else', async (t) => {
  const inside = startCaller(daemon.socket);
  const others = startCaller(daemon.socket, { uid: 65_534 });
  const task = openCgroups().create('/kolejka/test-listed');
  openCgroups().create('/kolejka/test-listed/container').enter(inside.pid);
  const observer = openObserver(daemon.socket);
  try {
    const { answer: session } = await inside.ask('/attach', {});
    await inside.ask('/limits', { ...session, limits: { memory: '1G' } });
    const { sessions, tasks } = await observer.list();
    const found = sessions.find(({ session_id: id }) => id === session['session_id']);
    t.like(found, { task: 'test-listed', pid: inside.pid, uid: 0, limits: { memory: 2 ** 30 } });
    t.true((found?.stats.pids_usage ?? 0) > 0);
    t.true((found?.age ?? -1) >= 0);
    const listed = tasks.find(({ task: name }) => name === 'test-listed');
    t.is(listed?.group, '/kolejka/test-listed');
    t.true((listed?.age ?? -1) >= 0);
    t.false(JSON.stringify(await observer.list()).includes(String(session['secret'])));
    for (const caller of [inside, others]) t.is((await caller.ask('/list', {})).answer['code'], 'not-permitted');

    const { stdout } = await top('--json');
    t.is(stdout.trimEnd().split('\n').length, 1);
    t.true(parseListing(JSON.parse(stdout)).sessions.some(({ session_id: id }) => id === session['session_id']));
    const table = (await top()).stdout;
    t.regex(table, /^TASK \/ SESSION +CPU% +MEMORY +OF +PIDS +AGE\n/);
    t.regex(table, new RegExp(`^test-listed .*\\n  ${session['session_id']} .* 1\\.0G `, 'm'));
  } finally {
    observer.end();
    await inside.end();
    await others.end();
    await task.remove();
  }
});

whenRoot('on a terminal the table is drawn again and again, until q gives the terminal back', async (t) => {
  const command = `stty rows 20 cols 70; exec ${process.execPath} ${BIN} top -s ${daemon.socket} --interval 100ms`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text));
  await until(() => seen.includes('q ends'), 'the table is drawn');
  child.stdin.write('q');
  t.is(await exited, 0);
  t.true(seen.includes('\x1b[?1049h'), seen);
  t.true(seen.trimEnd().endsWith('\x1b[?25h\x1b[?1049l'), JSON.stringify(seen.slice(-80)));
});

whenRoot('an interval that is none is refused', async (t) => {
  for (const interval of ['soon', '1m', '2D']) {
    const { stderr, code } = await t.throwsAsync<Error & { stderr: string; code: number }>(top('--interval', interval));
    t.is(code, 2);
    t.regex(stderr, /^kolejka-observer: --interval: /);
  }
});
