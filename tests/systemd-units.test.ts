import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { openObserver } from '@kolejka/observer/client';
import { startInSession } from '@kolejka/observer/start';
import test, { type ExecutionContext } from 'ava';
import { ROOT, runCommand, startCommand } from './command.ts';
import { setUpProgram } from './set-up-program.ts';

const { program, libraries, missing } = setUpProgram('systemd-analyze');
const whenThere = missing === undefined ? test : test.skip;

const units = readdirSync(path.join(ROOT, 'packages')).flatMap((name) => {
  const directory = path.join(ROOT, 'packages', name);
  if (!readdirSync(directory).includes('systemd')) return [];
  return readdirSync(path.join(directory, 'systemd')).map((file) => path.join(directory, 'systemd', file));
});

/** What systemd has to say of a unit. Its exit status is 0 also when it found faults. */
function verify(file: string): string {
  // An unpacked systemd brings the units that others are ordered by.
  const own = {
    LD_LIBRARY_PATH: libraries.join(':'),
    SYSTEMD_UNIT_PATH: path.join(program, '../../../lib/systemd/system'),
  };
  const env = { ...process.env, ...(libraries.length > 0 && own) };
  const { error, stdout, stderr } = spawnSync(program, ['verify', file], { env, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return stdout + stderr;
}

for (const unit of units) {
  whenThere(`systemd finds no fault in ${path.basename(unit)}`, (t) => {
    t.is(verify(unit), '');
    t.teardown(() => rmSync(directory, { recursive: true }));
    const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-unit-'));
    const wrong = path.join(directory, path.basename(unit));
    writeFileSync(wrong, readFileSync(unit, 'utf8').replace(/KillMode=\w+/, 'KillMode=sometimes'));
    t.regex(verify(wrong), /Failed to parse kill mode/, 'it would have said so');
  });
}

test('the observer and the foreman have units', (t) => {
  t.deepEqual(
    units.map((unit) => path.basename(unit)),
    ['kolejka-foreman.service', 'kolejka-observer.service'],
  );
});

const SYSTEM = '/run/systemd/system';
const SOCKET = '/var/run/kolejka/observer/socket';

function systemctl(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('systemctl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`systemctl ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

/** How many sessions the observer of the machine says that it has, once it answers. */
async function countSessions(): Promise<number> {
  const observer = openObserver(SOCKET);
  try {
    for (let tries = 0; ; tries += 1) {
      try {
        return await observer.status();
      } catch (thrown) {
        if (tries === 1200) throw thrown;
        await sleep(100);
      }
    }
  } finally {
    observer.end();
  }
}

/** Has systemd know a unit until the end of a test, with more lines in its section `Service`. */
function installUnit(t: ExecutionContext, unit: string, lines: readonly string[] = []): void {
  const [file, more] = [`${SYSTEM}/${unit}`, `${SYSTEM}/${unit}.d`];
  t.teardown(() => {
    spawnSync('systemctl', ['stop', unit]);
    for (const made of [file, more]) rmSync(made, { recursive: true, force: true });
    systemctl('daemon-reload');
  });
  const [, name = ''] = /kolejka-(\w+)/.exec(unit) ?? [];
  writeFileSync(file, readFileSync(path.join(ROOT, 'packages', name, 'systemd', unit), 'utf8'));
  mkdirSync(more);
  const bin = path.join(ROOT, 'node_modules/.bin');
  writeFileSync(`${more}/here.conf`, ['[Service]', `Environment=PATH=${bin}:/usr/bin:/bin`, ...lines, ''].join('\n'));
  systemctl('daemon-reload');
}

const property = (unit: string, name: string) => systemctl('show', '-p', name, '--value', unit);

// In a guest of `npm run test:vm`; elsewhere there is no systemd that could start anything.
if (existsSync(SYSTEM)) {
  test.serial('systemd starts, restarts and stops the observer, and programs in sessions go on', async (t) => {
    const unit = 'kolejka-observer.service';
    installUnit(t, unit);
    systemctl('start', unit);
    t.is(await countSessions(), 0);
    const observer = openObserver(SOCKET);
    const args = ['sleep', '600'];
    const sleeping = await startInSession(observer, { args, limits: { memory: 64 * 1024 ** 2, pids: 4 } });
    const inSession = () => readFileSync(`/proc/${sleeping.pid}/cgroup`, 'utf8');
    t.regex(inSession(), /\/kolejka_observer_[0-9a-f]{32}$/m);
    systemctl('restart', unit);
    t.is(await countSessions(), 1);
    t.regex(inSession(), /\/kolejka_observer_[0-9a-f]{32}$/m, 'the unit is stopped, and not what is in sessions');
    sleeping.signal('SIGTERM');
    const { result, stats } = await sleeping.ended;
    t.is(result, 143);
    t.is(stats.pids_max_usage, 1);
    observer.end();
    systemctl('stop', unit);
    t.false(existsSync(SOCKET));
    t.is(property(unit, 'Result'), 'success');
  });

  test.serial('systemd starts the foreman, waits until it is ready, and starts one that hangs anew', async (t) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-unit-'));
    const data = ['--data', path.join(directory, 'server')];
    const user = ['node', 'secret', '--email', 'node@grid.example', '--processors'];
    t.is((await runCommand('kolejka-server', ['adduser', ...user, ...data])).exit, 0);
    const server = startCommand('kolejka-server', ['runserver', '127.0.0.1:0', ...data]);
    t.teardown(async () => {
      server.kill();
      await once(server, 'close');
      rmSync(directory, { recursive: true });
    });
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const [address = ''] = /http:\S+/.exec(String(line)) ?? [];
    const config = path.join(directory, 'kolejka.conf');
    writeFileSync(config, `[foreman]\nserver = ${address}\nusername = node\npassword = secret\nname = unit\n`);
    const unit = 'kolejka-foreman.service';
    installUnit(t, unit, [`Environment=KOLEJKA_CONFIG_FILE=${config}`, 'WatchdogSec=9s', 'RestartSec=100ms']);
    systemctl('start', unit);
    const status = await runCommand('kolejka-foreman', ['status', '--json', '--config-file', config]);
    t.is(status.exit, 0, 'when systemd says that it is started, it takes tasks');
    const first = property(unit, 'MainPID');
    process.kill(Number(first), 'SIGSTOP');
    for (let tries = 0; ['0', first].includes(property(unit, 'MainPID')); tries += 1) {
      if (tries > 600) throw new Error(`systemd does nothing about it: ${systemctl('show', unit)}`);
      await sleep(100);
    }
    t.is(property(unit, 'NRestarts'), '1');
    systemctl('stop', unit);
    t.is(property(unit, 'Result'), 'success');
  });
}
