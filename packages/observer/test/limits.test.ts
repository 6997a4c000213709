import { readFileSync } from 'node:fs';
import { parseCpuList } from '@kolejka/protocol';
import test from 'ava';
import { openCgroups } from '../src/cgroup/index.ts';
import { type Child, type ProgramName, startChild } from './cgroup/programs.ts';
import { type Daemon, type OtherCaller, startCaller, startDaemon } from './daemon.ts';

/** What a session's limits do to real programs. */

const isRoot = process.getuid?.() === 0;
const whenRoot = isRoot ? test.serial : test.serial.skip;

const TASK = `/kolejka/test_limits_${process.pid}`;
const cgroups = isRoot ? openCgroups() : undefined;

type Session = Record<string, string>;

let daemon: Daemon;
const callers: OtherCaller[] = [];
const children: Child[] = [];

/** A caller in a group of the task, as if in its container. */
function call(): OtherCaller {
  const caller = startCaller(daemon.socket);
  callers.push(caller);
  cgroups?.create(`${TASK}/container`).enter(caller.pid);
  return caller;
}

if (isRoot) {
  test.before(async () => {
    daemon = await startDaemon();
  });
  test.afterEach.always(async () => {
    for (const caller of callers.splice(0)) await caller.end();
    for (const child of children.splice(0)) child.end();
    await cgroups?.open(TASK).remove();
  });
  test.after.always(async (t) => {
    t.is(await daemon.stop(), 0);
    daemon.remove();
  });
}

async function openLimited(caller: OtherCaller, limits: object): Promise<Session> {
  const { answer: session } = await caller.ask('/open', {});
  const { status, answer } = await caller.ask('/limits', { ...session, limits });
  if (status !== 200) throw new Error(JSON.stringify(answer));
  return session;
}

/** Starts a program of the task in a session; it waits for its go. */
async function startIn(caller: OtherCaller, session: Session, name: ProgramName): Promise<Child> {
  const child = startChild(name);
  children.push(child);
  cgroups?.open(`${TASK}/container`).enter(child.pid);
  const { status, answer } = await caller.ask('/attach', { ...session, pid: child.pid });
  if (status !== 200) throw new Error(JSON.stringify(answer));
  return child;
}

async function statsOf(caller: OtherCaller, session: Session): Promise<Record<string, Record<string, unknown>>> {
  return (await caller.ask('/stats', session)).answer as unknown as Record<string, Record<string, unknown>>;
}

async function cpusIn(caller: OtherCaller, session: Session): Promise<number[]> {
  const { line } = await (await startIn(caller, session, 'cpus')).run();
  return parseCpuList(line.split('\t')[1] ?? '');
}

const allCpus = () =>
  parseCpuList(/^Cpus_allowed_list:\s+(.*)$/m.exec(readFileSync('/proc/1/status', 'utf8'))?.[1] ?? '');

whenRoot('two sessions of one CPU each share none while there are two', async (t) => {
  const caller = call();
  const sessions = [await openLimited(caller, { cpus: 1 }), await openLimited(caller, { cpus: 1 })];
  const [one, two] = [await cpusIn(caller, sessions[0] ?? {}), await cpusIn(caller, sessions[1] ?? {})];
  t.deepEqual([one.length, two.length], [1, 1]);
  t.is(one[0] === two[0], allCpus().length === 1);
  await caller.ask('/close', sessions[0] ?? {});
  t.deepEqual(await cpusIn(caller, await openLimited(caller, { cpus: 1 })), one, 'what is given back is given again');
});

whenRoot('a session gets the CPUs that it asks for', async (t) => {
  const caller = call();
  const all = allCpus();
  const last = all.length - 1;
  const rows: [limits: object, cpus: number[]][] = [
    [{ cpus: 1, cpus_offset: last }, all.slice(-1)],
    [{ cpus: 1, cpus_offset: 0 }, all.slice(0, 1)],
    [{ cpus: 1, cpus_offset: 0 }, all.slice(0, 1)],
    [{ cpus_offset: last }, all.slice(-1)],
    [{ cpus: 4096 }, all],
    [{ cpus: 4096, cpus_offset: 7 }, all],
  ];
  for (const [limits, cpus] of rows) {
    t.deepEqual(await cpusIn(caller, await openLimited(caller, limits)), cpus, JSON.stringify(limits));
  }
  const beyond = await cpusIn(caller, await openLimited(caller, { cpus: 1, cpus_offset: 4096 }));
  t.is(beyond.length, 1, 'an offset that is not there gives as many CPUs, elsewhere');
});

whenRoot('a program over the memory of its session is killed, and counted there', async (t) => {
  const caller = call();
  const session = await openLimited(caller, { memory: '16M', swap: 0 });
  t.is((await (await startIn(caller, session, 'eat40')).run()).signal, 'SIGKILL');
  const { memory } = await statsOf(caller, session);
  t.is(memory?.['oom_kills'], 1);
  t.true(Number.parseInt(String(memory?.['max_usage']), 10) <= 16 * 1024 ** 2);
});

whenRoot('forks over the limit of a session are refused, and counted there', async (t) => {
  const caller = call();
  const session = await openLimited(caller, { pids: 8 });
  await (await startIn(caller, session, 'fork20')).run();
  const { pids } = await statsOf(caller, session);
  t.true(Number(pids?.['failures']) >= 1);
});

whenRoot('hostile input 45: limits above those of the task leave those of the task', async (t) => {
  const task = cgroups?.create(TASK);
  task?.limit({ memory: 32 * 1024 ** 2, swap: 0, pids: 24 });
  const caller = call();
  const session = await openLimited(caller, { memory: '100G', swap: '100G', pids: 100_000, cpus: 4096, time: '1H' });
  await (await startIn(caller, session, 'fork20')).run();
  t.true((task?.refusedForks() ?? 0) >= 1);
  // The kernel takes the largest process first, which may be the caller.
  t.is((await (await startIn(caller, session, 'eat40')).run()).signal, 'SIGKILL');
  t.true((task?.read().memory_oom_kills ?? 0) >= 1);
});

whenRoot('hostile input 45: limits above those of the outer session leave those of the outer session', async (t) => {
  const [judge, judged] = [call(), call()];
  const outer = await openLimited(judge, { memory: '128M', swap: 0, cpus: 1, cpus_offset: 0, time: '300s' });
  t.is((await judged.ask('/attach', outer)).status, 200);
  t.is((await judge.ask('/limits', { ...outer, limits: { memory: '64M' } })).status, 200);
  const { answer: inner } = await judged.ask('/open', {});
  t.is((await judged.ask('/limits', { ...inner, limits: { memory: '100G', cpus: 4096, time: '1D' } })).status, 200);
  t.deepEqual(await cpusIn(judge, inner), allCpus().slice(0, 1));
  t.is((await judge.ask('/limits', { ...outer, limits: { time: '1ms' } })).status, 200);
  const answers = judged.ask('/stats', inner);
  await t.throwsAsync(answers, { message: /the caller ended/ }, 'the time of the outer session ends both');
});

whenRoot('a limit that a session cannot keep is refused by name, and the others hold', async (t) => {
  const caller = call();
  const { answer: session } = await caller.ask('/open', {});
  const limits = { memory: '16M', swap: 0, storage: '1G', pids: 9 };
  const { status, answer } = await caller.ask('/limits', { ...session, limits });
  t.deepEqual([status, answer['code']], [400, 'limit-not-kept']);
  t.regex(answer['message'] ?? '', /^limits\.storage: /);
  t.is((await (await startIn(caller, session, 'eat40')).run()).signal, 'SIGKILL');
});

whenRoot('levels and number of sessions in a session are limited', async (t) => {
  const [judge, judged] = [call(), call()];
  const outer = await openLimited(judge, { cgroup_depth: 2, cgroup_descendants: 3 });
  await judged.ask('/attach', outer);
  const outcomes = [];
  for (const command of ['/open', '/attach', '/attach', '/attach']) {
    const { status, answer } = await judged.ask(command, {});
    outcomes.push(status === 200 ? 'ok' : answer['message']);
  }
  t.deepEqual(outcomes, ['ok', 'ok', 'ok', 'The session you are in has the limit cgroup_depth = 2.']);
  t.is((await judge.ask('/limits', { ...outer, limits: { cgroup_depth: 8 } })).status, 200);
  const { answer } = await judged.ask('/open', {});
  t.is(answer['message'], 'The session you are in has the limit cgroup_descendants = 3.');
});

whenRoot('freeze holds a program until thaw, and kill and close end a frozen one', async (t) => {
  const caller = call();
  for (const end of ['/kill', '/close']) {
    const session = await openLimited(caller, {});
    const ticking = await startIn(caller, session, 'tick');
    ticking.go();
    await ticking.heard(1);
    t.is((await caller.ask('/freeze', session)).status, 200);
    t.is((await caller.ask('/freeze', session)).status, 200, 'again is fine');
    t.is((await caller.ask('/thaw', session)).status, 200);
    await ticking.heard(2);
    t.is((await caller.ask('/freeze', session)).status, 200);
    t.is((await caller.ask(end, session)).status, 200);
    t.is((await ticking.ended).signal, 'SIGKILL');
  }
});

whenRoot('closing ends what a program left behind in its session', async (t) => {
  const caller = call();
  const session = await openLimited(caller, {});
  const left = await startIn(caller, session, 'forkBomb');
  await caller.ask('/limits', { ...session, limits: { pids: 32 } });
  left.go();
  t.is((await caller.ask('/close', session)).status, 200);
  t.is((await left.ended).signal, 'SIGKILL');
  t.deepEqual(cgroups?.open(TASK).processes(), [caller.pid], 'nothing goes on outside of the limits');
});
