/** What docs/observer.md tells people to type is what is run here. */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { openObserver } from '@kolejka/observer/client';
import { ROOT } from './command.ts';
import { setUpProgram } from './set-up-program.ts';

const isRoot = process.getuid?.() === 0;
const curl = setUpProgram('curl');
const whenRoot = isRoot && curl.missing === undefined ? test.serial : test.serial.skip;
const page = readFileSync(path.join(ROOT, 'docs/observer.md'), 'utf8');
const BIN = path.join(ROOT, 'packages/observer/bin');
const execute = promisify(execFile);

/** The blocks of commands below a heading. */
function commandsOf(heading: string, language = 'sh'): string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  return Array.from(section.matchAll(/^```(\w*)\n(.*?)^```$/gms))
    .filter(([, found]) => found === language)
    .map(([, , commands = '']) => commands);
}

let directory: string;
let environment: Record<string, string | undefined>;

/** Runs commands as a shell does that ends at the first that fails. */
async function type(commands: string) {
  return execute('sh', ['-euc', commands], { cwd: directory, env: environment, timeout: 60_000 });
}

if (isRoot) {
  test.before('an observer listens, and its programs are on the path', async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'kolejka-page-'));
    chmodSync(directory, 0o755);
    const bin = path.join(directory, 'bin');
    mkdirSync(bin);
    for (const name of ['observer', 'runner'].map((each) => `kolejka-${each}`)) {
      symlinkSync(path.join(BIN, `${name}.js`), path.join(bin, name));
    }
    if (curl.missing === undefined) symlinkSync(curl.program, path.join(bin, 'curl'));
    environment = {
      ...process.env,
      PATH: `${bin}:${process.env['PATH']}`,
      XDG_CONFIG_HOME: '/nonexistent',
      KOLEJKA_OBSERVER_SOCKET: path.join(directory, 'socket'),
      KOLEJKA_OBSERVER_STATE: path.join(directory, 'state'),
      ...(curl.libraries.length > 0 && { LD_LIBRARY_PATH: curl.libraries.join(':') }),
    };
    await type('kolejka-observer --detach --close-sessions --pid-file pid');
  });
  test.after.always(async () => {
    const { KOLEJKA_OBSERVER_SOCKET: socket = '' } = environment;
    if (existsSync(path.join(directory, 'pid')))
      await type('kill "$(cat pid)"; while test -e pid; do sleep 0.05; done');
    if (existsSync(socket)) throw new Error('the observer does not end');
    rmSync(directory, { recursive: true, force: true });
  });
}

whenRoot('the programs of the page run in their sessions', async (t) => {
  const [commands = ''] = commandsOf('Run one program');
  const { stdout, stderr } = await type(commands);
  t.is(stdout, 'hello\n');
  t.regex(readFileSync(path.join(directory, 'stats.json'), 'utf8'), /^\{"cpu":\{"usage":"/);
  t.regex(readFileSync(path.join(directory, 'out.txt'), 'utf8'), /^uid=\d+\(nobody\)/);
  t.like(JSON.parse(stderr), { result: 0, reason: 'exit', stdout: { cut: false } });
});

whenRoot('the page shows what runs', async (t) => {
  const [commands = ''] = commandsOf('See what runs');
  t.true('sessions' in (JSON.parse((await type(commands)).stdout) as object));
});

whenRoot('the session of the page is all that curl needs', async (t) => {
  const [commands = ''] = commandsOf('With curl');
  const { stdout } = await type(commands);
  const answers = stdout.split('\n').filter((line) => line.startsWith('{'));
  t.is(answers.length, [...commands.matchAll(/^ask /gm)].length);
  for (const answer of answers) t.like(JSON.parse(answer), { status: 'ok' }, stdout);
  const stats = answers.map((answer) => JSON.parse(answer) as Record<string, { usage?: number }>);
  t.is(stats.find((each) => 'pids' in each)?.['pids']?.usage, 1, 'the program, frozen');
  const observer = openObserver(environment['KOLEJKA_OBSERVER_SOCKET']);
  t.is(await observer.status(), 0);
  observer.end();
});

whenRoot('in a container as the page starts it, the observer looks after the processes of the node', async (t) => {
  const [command = ''] = commandsOf('In a container', '');
  const words = command.trim().split(/\s+/);
  const shared = path.join(directory, 'shared');
  const flags = words
    .slice(2, -1)
    .filter(
      (word, at, all) =>
        !['-d', '--name', '--restart'].includes(word) && !['--name', '--restart'].includes(all[at - 1] ?? ''),
    )
    .map((word) => word.replace(/^\/run\/kolejka:/, `${shared}:`));
  t.is(flags.filter((flag) => flag.startsWith(shared)).length, 1, command);
  // In place of an image with Node in it: this machine's, and this checkout.
  const ours = ['/usr', '/lib', '/lib64', ROOT]
    .filter((each) => existsSync(each))
    .flatMap((each) => ['-v', `${each}:${each}:ro`]);
  const entry = [process.execPath, '--conditions=kolejka-source', path.join(ROOT, 'packages/observer/src/main.ts')];
  const name = path.basename(directory);
  const program = ['-s', '/run/kolejka/observer/socket', '--close-sessions'];
  const container = spawn(
    'docker',
    ['run', '--rm', '--name', name, ...flags, ...ours, 'busybox:stable', ...entry, ...program],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const ended = new Promise((resolve) => container.on('close', resolve));
  let said = '';
  const listening = new Promise<void>((resolve) => {
    for (const stream of [container.stdout, container.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('listens on')) resolve();
      });
    }
  });
  try {
    await Promise.race([listening, ended]);
    t.regex(said, /listens on/);
    const socket = path.join(shared, 'observer/socket');
    const { stdout } = await type(`kolejka-runner -s ${socket} --memory 64M --user nobody cat /proc/self/cgroup`);
    t.regex(stdout, /\/kolejka\/observer\/kolejka_observer_[0-9a-f]{32}$/m, said);
  } finally {
    await execute('docker', ['stop', name]).catch(() => undefined);
    await ended;
  }
});
