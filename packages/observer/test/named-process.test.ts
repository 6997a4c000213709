import { readFileSync } from 'node:fs';
import test from 'ava';
import { openCgroups } from '../src/cgroup/index.ts';
import { type Daemon, type OtherCaller, startCaller, startDaemon } from './daemon.ts';

const isRoot = process.getuid?.() === 0;
const whenRoot = isRoot ? test.serial : test.serial.skip;

let daemon: Daemon;
const ending: (() => Promise<unknown> | void)[] = [];

/** A caller in a group of a task, as if in its container; every task is removed at the end of the test. */
function callFrom(task: string | undefined, uid?: number): OtherCaller {
  const caller = startCaller(daemon.socket, uid === undefined ? {} : { uid });
  if (task !== undefined) {
    openCgroups().create(`/kolejka/${task}-${process.pid}/container`).enter(caller.pid);
    ending.unshift(() => openCgroups().open(`/kolejka/${task}-${process.pid}`).remove());
  }
  ending.unshift(() => caller.end());
  return caller;
}

if (isRoot) {
  test.before(async () => {
    daemon = await startDaemon();
  });
  test.afterEach.always(async () => {
    for (const end of ending.splice(0)) await end();
  });
  test.after.always(async (t) => {
    t.is(await daemon.stop(), 0);
    daemon.remove();
  });
}

whenRoot('a process opens a session for another one of its task and moves it in', async (t) => {
  const cgroups = openCgroups();
  const [asking, named] = [callFrom('test-named'), callFrom('test-named')];
  const { status, answer: session } = await asking.ask('/attach', { pid: named.pid });
  t.is(status, 200, JSON.stringify(session));
  t.is(cgroups.pathOf(named.pid), `/kolejka/test-named-${process.pid}/kolejka_observer_${session['session_id']}`);
  t.is(cgroups.pathOf(asking.pid), `/kolejka/test-named-${process.pid}/container`);
  t.is((await asking.ask('/detach', { ...session, pid: named.pid })).status, 200);
  t.is(cgroups.pathOf(named.pid), `/kolejka/test-named-${process.pid}/container`);
  t.is((await asking.ask('/close', session)).status, 200);
});

const REFUSED: [title: string, asking: [task?: string, uid?: number], named: [task?: string, uid?: number]][] = [
  ['of another task', ['test-one'], ['test-two']],
  ['outside of tasks is not for a task and', ['test-one'], []],
  ['of a task is not for those outside and', [], ['test-two']],
  ['of another user', ['test-one', 65_534], ['test-one', 65_533]],
  ['of root is not for others and', ['test-one', 65_534], ['test-one']],
];
for (const [title, asking, named] of REFUSED) {
  whenRoot(`hostile input 46: a process ${title} cannot be named`, async (t) => {
    const [caller, target] = [callFrom(...asking), callFrom(...named)];
    const before = openCgroups().pathOf(target.pid);
    for (const command of ['open', 'attach']) {
      const { status, answer } = await caller.ask(`/${command}`, { pid: target.pid });
      t.deepEqual([status, answer['code']], [403, 'foreign-process']);
    }
    t.is(openCgroups().pathOf(target.pid), before);
  });
}

whenRoot('hostile input 46: who is in a session names nobody outside of it', async (t) => {
  const [inside, outside] = [callFrom('test-inside'), callFrom('test-inside')];
  const { answer: session } = await inside.ask('/attach', {});
  t.is((await inside.ask('/attach', { pid: outside.pid })).answer['code'], 'foreign-process');
  t.is((await inside.ask('/attach', { pid: inside.pid })).status, 200, 'itself it may');
  t.is((await outside.ask('/attach', { pid: inside.pid })).status, 200, 'from outside it may be');
  t.is((await outside.ask('/close', session)).status, 200);
});

whenRoot('a pid that is not there, and one that is no pid, are refused', async (t) => {
  const caller = callFrom('test-nobody');
  t.is((await caller.ask('/attach', { pid: 2 ** 22 + 1 })).answer['code'], 'foreign-process');
  for (const pid of [0, -1, 1.5, '1', 2 ** 40]) {
    t.is((await caller.ask('/attach', { pid })).answer['code'], 'bad-value', String(pid));
  }
});

whenRoot('in a pid namespace a process is named by the number it has there', async (t) => {
  const cgroups = openCgroups();
  const caller = startCaller(daemon.socket, { within: ['unshare', '--pid', '--fork', '--kill-child'] });
  ending.unshift(() => caller.end());
  const { status, answer: session } = await caller.ask('/attach', { pid: 1 });
  t.is(status, 200, JSON.stringify(session));
  const moved = cgroups.open(`/kolejka/observer/kolejka_observer_${session['session_id']}`).processes();
  t.is(moved.length, 1);
  t.regex(readFileSync(`/proc/${moved[0]}/status`, 'utf8'), /^NSpid:.*\t1$/m);
  t.is((await caller.ask('/attach', { pid: moved[0] })).status, 403, 'not by the number outside');
  t.is((await caller.ask('/close', session)).status, 200);
});
