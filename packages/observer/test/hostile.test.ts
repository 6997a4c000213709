import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { openCgroups } from '../src/cgroup/index.ts';
import { askRaw, type Daemon, type OtherCaller, requestText, startCaller, startDaemon, TYPE } from './daemon.ts';
import { until } from './until.ts';

/** What callers may try, one row each; the observer goes on for all others. */

const isRoot = process.getuid?.() === 0;
const whenRoot = isRoot ? test.serial : test.serial.skip;

const [TASK, OTHER] = [`/kolejka/test_hostile_${process.pid}`, `/kolejka/test_peaceful_${process.pid}`];
const cgroups = isRoot ? openCgroups() : undefined;
const at = (name: string) => fileURLToPath(new URL(`clients/${name}`, import.meta.url));

let daemon: Daemon;
const ending: (() => unknown)[] = [];

function call(task = OTHER): OtherCaller {
  const caller = startCaller(daemon.socket);
  ending.push(() => caller.end());
  cgroups?.create(`${task}/container`).enter(caller.pid);
  return caller;
}

/** A Python program in a group of the hostile task. */
function attack(name: string, ...args: string[]) {
  const child = spawn('sh', ['-c', 'read go && exec "$@"', 'sh', 'python3', at(name), daemon.socket, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  ending.push(() => child.kill('SIGKILL'));
  cgroups?.create(`${TASK}/container`).enter(child.pid ?? -1);
  child.stdin.write('go\n');
  const lines = createInterface(child.stdout);
  return { child, line: async () => String((await once(lines, 'line'))[0]) };
}

/** Sends bytes and leaves the connection open. */
function leave(text: string): Socket {
  const socket = connect(daemon.socket, () => socket.write(text));
  socket.on('error', () => undefined);
  ending.push(() => socket.destroy());
  return socket;
}

if (isRoot) {
  test.before(async () => {
    daemon = await startDaemon({ args: ['--close-sessions'] });
  });
  test.afterEach.always(async () => {
    for (const end of ending.splice(0)) await end();
    await until(() => sessionsOf(TASK) + sessionsOf(OTHER) === 0, 'all sessions end with their openers');
    for (const task of [TASK, OTHER]) await cgroups?.open(task).remove();
  });
  test.after.always(async (t) => {
    t.is(await daemon.stop(), 0);
    t.deepEqual(daemon.log().match(/.*"(request|pass) failed".*/g), null, 'nothing here is a fault of ours');
    daemon.remove();
  });
}

function sessionsOf(task: string): number {
  return (cgroups?.children(task) ?? []).filter((group) => group.includes('kolejka_observer_')).length;
}

whenRoot('hostile input 44: ten thousand opens of one task hold up no other, and make 100 sessions', async (t) => {
  const flood = attack('flood.py', '10000');
  t.is(await flood.line(), 'begun');
  const caller = call();
  for (let cycle = 0; cycle < 10; cycle += 1) {
    const { status, answer: session } = await caller.ask('/open', {});
    t.is(status, 200);
    for (const command of ['/attach', '/stats', '/close']) t.is((await caller.ask(command, session)).status, 200);
  }
  t.is(flood.child.exitCode, null, 'the flood is still going on');
  await until(() => sessionsOf(TASK) === 100, 'the flood gets what one task may have');
  flood.child.stdin.end();
  const counts = JSON.parse(await flood.line()) as Record<string, number>;
  t.is(counts['200'], 100);
  t.true((counts['429'] ?? 0) >= 9_900);
  t.deepEqual(Object.keys(counts).toSorted(), ['200', '429']);
});

whenRoot('hostile input 44: connections of one task beyond 256 are dropped, and others get theirs', async (t) => {
  const flood = spawn('sh', ['-c', 'read go && exec "$@"', 'sh', process.execPath, '-e', IDLE, daemon.socket]);
  ending.push(() => flood.kill('SIGKILL'));
  cgroups?.create(`${TASK}/container`).enter(flood.pid ?? -1);
  flood.stdin.write('go\n');
  const [line] = await once(createInterface(flood.stdout), 'line');
  t.is(line, '44 of 300 dropped');
  t.is((await call().ask('/open', {})).status, 200);
});

/** Opens 300 connections and keeps what it can. */
const IDLE = `
  let open = 300;
  for (let i = 0; i < 300; i += 1) {
    require('node:net').connect(process.argv[1]).on('error', () => undefined).on('close', () => {
      open -= 1;
      if (open === 256) console.log(300 - open, 'of 300 dropped');
    });
  }`;

whenRoot('hostile input 44: who does not finish a request is dropped, and nobody waits for it', async (t) => {
  const head = `POST /open HTTP/1.1\r\n${TYPE}\r\nContent-Length: 100\r\n\r\n`;
  const unfinished = ['', 'P', head.slice(0, 30), head.slice(0, -2), head, `${head}{"half":`].map(leave);
  const slow = leave(head);
  const dripping = setInterval(() => slow.write(' '), 200);
  ending.push(() => clearInterval(dripping));
  const closed = Promise.all(
    [...unfinished, slow].map(async (socket) => new Promise((resolve) => socket.on('close', resolve))),
  );
  t.is((await call().ask('/open', {})).status, 200);
  await closed;
  t.pass();
});

whenRoot('hostile input 44: who asks and never reads is bounded, and nobody waits for it', async (t) => {
  const socket = leave('');
  socket.pause();
  for (let sent = 0; sent < 200; sent += 1) socket.write(requestText('/', {}).repeat(100));
  t.is((await call().ask('/open', {})).status, 200);
  t.true(socket.writableLength > 0, 'what it sends stays with it');
});

const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const post = (headers: string, body = '') => `POST /open HTTP/1.1\r\n${headers}\r\n\r\n${body}`;

const GARBAGE: [title: string, request: string, status: number][] = [
  ['a TLS greeting', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003\r\n\r\n', 400],
  ['a header of 100 KB', post(`X: ${'x'.repeat(100_000)}`), 400],
  ['ten thousand headers', post(Array.from({ length: 10_000 }, (_, i) => `X${i}: 1`).join('\r\n')), 400],
  ['a negative length', post(`${TYPE}\r\nContent-Length: -1`), 400],
  ['two lengths', post(`${TYPE}\r\nContent-Length: 2\r\nContent-Length: 3`, '{}'), 400],
  ['a length and chunks', post(`${TYPE}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked`, '{}'), 400],
  ['a length beyond every number', post(`${TYPE}\r\nContent-Length: ${'9'.repeat(30)}`), 400],
  ['chunks of a gigabyte', post(`${TYPE}\r\nTransfer-Encoding: chunked`, `40000000\r\n${'x'.repeat(20_000)}`), 413],
  [
    'JSON of a thousand levels',
    requestText('/open', {}).replace(
      /Content-Length: 2[^]*/,
      `Content-Length: ${deep(1000).length}\r\n\r\n${deep(1000)}`,
    ),
    200,
  ],
  ['a version of HTTP that there is not', 'POST /open HTTP/9.9\r\n\r\n', 400],
  ['a method that there is not', 'STEAL /open HTTP/1.1\r\n\r\n', 400],
  ['a path out of the tree', requestText('/../../etc/passwd', {}), 404],
  ['a command of every object', requestText('/constructor', {}), 404],
  ['a session that is a list', requestText('/kill', { session_id: [], secret: 'x' }), 400],
  ['a session that is a path', requestText('/kill', { session_id: '../../../../../kolejka/other', secret: 'x' }), 400],
  ['a secret that is empty', requestText('/kill', { session_id: '0'.repeat(32), secret: '' }), 400],
  ['a secret of 10 KB', requestText('/kill', { session_id: '0'.repeat(32), secret: 'x'.repeat(10_000) }), 400],
  [
    'a limit that is an object',
    requestText('/limits', { session_id: '0'.repeat(32), secret: 'x', limits: { memory: {} } }),
    400,
  ],
  ['a limit below 0', requestText('/limits', { session_id: '0'.repeat(32), secret: 'x', limits: { pids: -1 } }), 400],
];
for (const [title, request, status] of GARBAGE) {
  whenRoot(`hostile input 44: ${title} is answered ${status}, and in one small piece`, async (t) => {
    const answer = await askRaw(daemon.socket, request);
    t.true(answer.startsWith(`HTTP/1.1 ${status} `), answer);
    t.true(Buffer.byteLength(answer) <= 1024);
    t.notThrows(() => JSON.parse(answer.split('\r\n\r\n')[1] ?? ''));
  });
}

whenRoot(
  'hostile input 46: who has the connection of a process that is gone is not that process, nor is who has its pid',
  async (t) => {
    const { line } = attack('orphan.py');
    t.deepEqual(JSON.parse(await line()), { gone: 403, reused: 403 });
  },
);

whenRoot(
  'hostile input 45: a session that is told to run for ever, or for no time, is told so by the same rules',
  async (t) => {
    const caller = call();
    const { answer: session } = await caller.ask('/open', {});
    for (const time of ['1e30s', -1, 'inf', 'nan', '∞']) {
      const { status, answer } = await caller.ask('/limits', { ...session, limits: { time } });
      t.deepEqual([status, answer['code']], [400, 'bad-value'], String(time));
    }
    t.is((await caller.ask('/limits', { ...session, limits: { time: 1e9 } })).status, 200);
  },
);
