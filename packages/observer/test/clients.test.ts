import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { openCgroups } from '../src/cgroup/index.ts';
import { type Daemon, startDaemon } from './daemon.ts';

/** Callers in other languages, with plain sockets, go through the original's sequences. */

const isRoot = process.getuid?.() === 0;
const whenRoot = isRoot ? test.serial : test.serial.skip;

const at = (name: string) => fileURLToPath(new URL(`clients/${name}`, import.meta.url));
const TASK = `/kolejka/test_clients_${process.pid}`;
const run = promisify(execFile);

let daemon: Daemon;

if (isRoot) {
  test.before(async () => {
    daemon = await startDaemon();
  });
  test.after.always(async (t) => {
    t.is(await daemon.stop(), 0);
    daemon.remove();
    await openCgroups().open(TASK).remove();
  });
}

/** Runs a program in a group of the task, as if in its container. */
async function runInTask(...command: string[]): Promise<string> {
  const running = run('sh', ['-c', 'read go && exec "$@"', 'sh', ...command], { timeout: 120_000 });
  openCgroups()
    .create(`${TASK}/container`)
    .enter(running.child.pid ?? -1);
  running.child.stdin?.end('go\n');
  return (await running).stdout;
}

const python = async (way: string, ...before: string[]) =>
  JSON.parse(await runInTask(...before, 'python3', at('original.py'), daemon.socket, way));

const SESSION = new RegExp(`^${TASK}/kolejka_observer_[0-9a-f]{32}$`);
/** As it looks from a pid namespace of its own, too: the groups are those of this machine. */
const NAMESPACES: [title: string, before: string[]][] = [
  ['', []],
  [' in another pid namespace', ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']],
];

for (const [where, before] of NAMESPACES) {
  whenRoot(`the original's runner runs a program in a session${where}`, async (t) => {
    const seen = await python('runner', ...before);
    t.is(seen.exit, 0);
    t.is(seen.groups.length, 1);
    t.regex(seen.groups[0], SESSION);
    t.deepEqual([seen.limited, seen.closed], [{ status: 'ok' }, { status: 'ok' }]);
    t.is(seen.stats.status, 'ok');
    t.true(Number.parseFloat(seen.stats.cpu.usage) > 0);
    t.true(Number.parseInt(seen.stats.memory.max_usage, 10) >= 8 * 1024 ** 2);
    t.true(Number.parseInt(seen.after.memory.max_usage, 10) >= 8 * 1024 ** 2, 'also when it is closed');
  });

  whenRoot(`the original's worker goes through a session, and leaves answers unread${where}`, async (t) => {
    const seen = await python('stage2', ...before);
    t.is(seen.groups.length, 1);
    t.regex(seen.groups[0], SESSION);
    t.deepEqual([seen.limited.status, seen.stats.status, seen.back], ['ok', 'ok', []]);
  });
}

whenRoot('a connection carries as many requests as its version of HTTP says', async (t) => {
  const ok = 'HTTP/1.1 200 OK';
  t.deepEqual(await python('raw'), {
    '1.1': { answers: [ok, ok, ok], closed: false },
    '1.1 close': { answers: [ok], closed: true },
    '1.0': { answers: [ok], closed: true },
    '1.0 keep': { answers: [ok, ok, ok], closed: false },
    'no slash': { answers: [ok], closed: true },
    'no slash keep': { answers: [ok, ok, ok], closed: false },
    'at once': 20,
  });
});
