import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { openCgroups } from '../src/cgroup/index.ts';
import { type Daemon, lives, type OtherCaller, startCaller, startDaemon } from './daemon.ts';
import { until } from './until.ts';

const isRoot = process.getuid?.() === 0;
const whenRoot = isRoot ? test.serial : test.serial.skip;

const cgroups = isRoot ? openCgroups() : undefined;
const TASK = `/kolejka/test_restart_${process.pid}`;

let daemon: Daemon;
const callers: OtherCaller[] = [];

/** A caller in a group of the task, as if in its container. */
function call(): OtherCaller {
  const caller = startCaller(daemon.socket);
  callers.push(caller);
  cgroups?.create(`${TASK}/container`).enter(caller.pid);
  return caller;
}

const groupOf = ({ session_id }: Record<string, string>) => `${TASK}/kolejka_observer_${session_id}`;
const stateOf = ({ directory }: Daemon) => path.join(directory, 'state');
const recordOf = ({ session_id }: Record<string, string>) => path.join(stateOf(daemon), `${session_id}.json`);

async function startNext(): Promise<Daemon> {
  const next = await startDaemon({ directory: daemon.directory, args: [] });
  if (next.process.exitCode !== null) throw new Error(`the next observer does not start: ${next.log()}`);
  return next;
}

async function restart(signal: NodeJS.Signals, between: () => Promise<unknown> | void = () => undefined) {
  await daemon.stop(signal);
  await between();
  daemon = await startNext();
}

if (isRoot) {
  test.beforeEach(async () => {
    daemon = await startDaemon({ args: [] });
  });
  test.afterEach.always(async (t) => {
    for (const caller of callers.splice(0)) await caller.end();
    await restart('SIGTERM');
    await until(() => cgroups?.children(TASK).every((group) => group.endsWith('/container')), 'all sessions end');
    t.is(await daemon.stop(), 0);
    daemon.remove();
    await cgroups?.open(TASK).remove();
  });
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  whenRoot(`sessions go on with the next observer after ${signal}`, async (t) => {
    const [opener, program] = [call(), call()];
    const { answer: session } = await opener.ask('/open', {});
    t.is((await opener.ask('/limits', { ...session, limits: { pids: 50 } })).status, 200);
    t.is((await program.ask('/attach', session)).status, 200);
    const { answer: before } = await opener.ask('/stats', session);
    await restart(signal);
    t.is(cgroups?.pathOf(program.pid), groupOf(session), 'its process stays where it is');
    const { status, answer: after } = await opener.ask('/stats', { session_id: session['session_id'] ?? '' });
    t.is(status, 200);
    t.true(seconds(after) > seconds(before), 'its clock goes on');
    t.is((await opener.ask('/stats', { ...session, secret: 'another' })).status, 403);
    t.is((await call().ask('/attach', session)).status, 200, 'the secret is the same');
    t.is((await program.ask('/detach', session)).status, 200);
    t.is(cgroups?.pathOf(program.pid), `${TASK}/container`, 'it knows where the session was opened');
    t.is((await opener.ask('/close', session)).status, 200);
    t.is((await opener.ask('/stats', session)).status, 200);
  });

  whenRoot(`an open session that nobody is in yet goes on after ${signal}`, async (t) => {
    const opener = call();
    const { answer: session } = await opener.ask('/open', {});
    await restart(signal);
    t.is((await call().ask('/attach', session)).status, 200, 'else its program would run without limits');
  });

  whenRoot(`the time limit counts from the first attach on, over ${signal}`, async (t) => {
    const [opener, program] = [call(), call()];
    const { answer: session } = await opener.ask('/open', {});
    t.is((await opener.ask('/limits', { ...session, limits: { time: '1s' } })).status, 200);
    t.is((await opener.ask('/attach', { ...session, pid: program.pid })).status, 200);
    const attached = performance.now();
    await restart(signal);
    await until(() => !lives(program.pid), 'the program ends');
    t.true(performance.now() - attached >= 900, 'not before its time');
  });

  whenRoot(`the last stats of a session that is over can be read after ${signal}`, async (t) => {
    const opener = call();
    const { answer: session } = await opener.ask('/attach', {});
    await opener.ask('/close', session);
    const { answer: before } = await opener.ask('/stats', session);
    await restart(signal);
    t.deepEqual((await opener.ask('/stats', session)).answer, before);
  });
}

whenRoot('regression: a session for a program of another user outside of tasks goes on after a restart', async (t) => {
  const [opener, program] = [startCaller(daemon.socket), startCaller(daemon.socket, { uid: 65_534 })];
  callers.push(opener, program);
  const { answer: session } = await opener.ask('/attach', { pid: program.pid });
  await restart('SIGKILL');
  t.is((await opener.ask('/stats', session)).status, 200);
  t.is((await opener.ask('/close', { ...session, stats: true })).status, 200);
  t.false(lives(program.pid));
});

function seconds({ time = '' }: Record<string, string>): number {
  return Number(time.replace('s', ''));
}

whenRoot('a session whose time was up while no observer ran is killed by the next', async (t) => {
  const program = call();
  const { answer: session } = await program.ask('/attach', {});
  await daemon.stop('SIGKILL');
  t.true(lives(program.pid));
  const record = JSON.parse(readFileSync(recordOf(session), 'utf8')) as Record<string, unknown>;
  writeFileSync(recordOf(session), JSON.stringify({ ...record, limits: { time: 1 } }));
  daemon = await startNext();
  await until(() => !lives(program.pid), 'the program ends');
});

whenRoot('sessions whose opener and processes went away while no observer ran are removed', async (t) => {
  const program = call();
  const { answer: outer } = await program.ask('/attach', {});
  const { answer: inner } = await program.ask('/attach', {});
  await restart('SIGKILL', async () => program.end());
  await until(() => cgroups?.open(groupOf(outer)).exists() === false, 'both groups are removed');
  const after = await call().ask('/stats', inner);
  t.is(after.status, 200, 'their stats can be read');
});

whenRoot('a session whose group went away while no observer ran has only the stats known before', async (t) => {
  const [known, unknown] = [call(), call()];
  const { answer: first } = await known.ask('/open', {});
  const { answer: second } = await unknown.ask('/open', {});
  await daemon.stop('SIGTERM');
  await cgroups?.open(groupOf(first)).remove();
  daemon = await startNext();
  const { answer } = await known.ask('/stats', first);
  t.regex(JSON.stringify(answer), /"cpu":\{"usage"/, 'seen when the observer stopped');
  t.is((await known.ask('/attach', first)).status, 403);
  await daemon.stop('SIGKILL');
  await cgroups?.open(groupOf(second)).remove();
  daemon = await startNext();
  const { answer: lost } = await unknown.ask('/stats', second);
  t.is(lost['status'], 'ok');
  t.regex(daemon.log(), /"session lost"/);
});

whenRoot('a kill for memory in a session below that is gone is absent after a restart, never 0', async (t) => {
  const [opener, program] = [call(), call()];
  const { answer: outer } = await opener.ask('/open', {});
  await opener.ask('/limits', { ...outer, limits: { memory: '256M', swap: 0 } });
  await program.ask('/attach', outer);
  const { answer: inner } = await program.ask('/open', {});
  await program.ask('/close', inner);
  const kills = async () => JSON.stringify((await opener.ask('/stats', outer)).answer).includes('"oom_kills"');
  t.true(await kills());
  await restart('SIGKILL');
  t.is(await kills(), cgroups?.version === 2, 'on v2 the group of the session itself counts them');
});

whenRoot(
  'groups of ours that no record knows are removed when they are empty, and those of others are left',
  async (t) => {
    const [opener, program] = [call(), call()];
    const { answer: session } = await opener.ask('/open', {});
    const { answer: used } = await program.ask('/attach', {});
    const foreign = cgroups?.create(`${TASK}/kolejka_observer_${'f'.repeat(32)}`);
    await restart('SIGKILL', () => {
      for (const each of [session, used]) writeFileSync(recordOf(each), '{"not": "ours"');
    });
    t.is((await opener.ask('/stats', session)).status, 403);
    t.false(cgroups?.open(groupOf(session)).exists());
    t.is(cgroups?.pathOf(program.pid), groupOf(used), 'nobody is killed for a damaged record');
    t.regex(daemon.log(), /"record unreadable"[^]*"group without session"/u);
    await program.end();
    await until(() => cgroups?.open(groupOf(used)).exists() === false, 'the group is removed when it is empty');
    t.true(foreign?.exists());
    await foreign?.remove();
  },
);

whenRoot('a record that names a group of others is no record', async (t) => {
  const [opener, other] = [call(), call()];
  const { answer: session } = await opener.ask('/open', {});
  await restart('SIGKILL', () => {
    const record = JSON.parse(readFileSync(recordOf(session), 'utf8')) as Record<string, unknown>;
    writeFileSync(recordOf(session), JSON.stringify({ ...record, group: `${TASK}/container` }));
  });
  t.is((await opener.ask('/kill', session)).status, 403);
  t.true(lives(other.pid));
});

whenRoot('regression: an observer that has nothing to leave to the next one leaves no state directory', async (t) => {
  await daemon.stop('SIGTERM');
  t.false(existsSync(stateOf(daemon)), 'one for each socket would stay until the boot');
  daemon = await startNext();
});

whenRoot('regression: a record that cannot be written leaves nothing, and its session goes on', async (t) => {
  const opener = call();
  const { answer: session } = await opener.ask('/open', {});
  rmSync(recordOf(session));
  // Nothing can take its place.
  mkdirSync(recordOf(session));
  t.is((await opener.ask('/limits', { ...session, limits: { pids: 50 } })).status, 200);
  await until(() => /"record lost"/.test(daemon.log()), 'the log says so');
  t.false(existsSync(`${recordOf(session)}.new`));
  rmdirSync(recordOf(session));
  t.is((await opener.ask('/close', session)).status, 200);
});

whenRoot('records are for root alone, and so is their directory', async (t) => {
  const { answer: session } = await call().ask('/open', {});
  t.is(statSync(stateOf(daemon)).mode & 0o777, 0o700);
  t.is(statSync(recordOf(session)).mode & 0o777, 0o600);
  t.deepEqual(readdirSync(path.dirname(daemon.socket)), ['socket'], 'nothing is beside the socket');
  t.notRegex(daemon.log(), new RegExp(session['secret'] ?? ''));
});
