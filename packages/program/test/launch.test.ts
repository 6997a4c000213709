/**
 * The launcher in front of a small program, laid out as a workspace and as an installed package.
 *
 * Each case runs on this Node, on this Node made to look like 20 (what the launcher sees of it: its version, and no
 * execve), and on the machine's own Node where that is too old for us.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { findOldNodes, type SomeNode } from './old-nodes.ts';

const PROGRAM = `
  const [what, ...more] = process.argv.slice(2);
  if (what === 'show') console.log(JSON.stringify({ more, node: process.version, conditions: process.execArgv }));
  if (what === 'echo') process.stdin.pipe(process.stdout);
  if (what === 'exit') process.exitCode = Number(more[0]);
  if (what === 'die') process.kill(process.pid, more[0]);
  if (what === 'wait') {
    const timer = setInterval(() => {}, 1000);
    process.once(more[0], () => { clearInterval(timer); process.exitCode = 42; });
    console.log('ready');
  }
`;
const BIN = `import { launch } from '@kolejka/program/launch';\nawait launch(import.meta.url, 'main');\n`;

interface Parent extends SomeNode {
  isOld: boolean;
}

const parents: Parent[] = [
  { name: 'this Node', file: process.execPath, args: [], isOld: false },
  ...findOldNodes().map((node) => ({ ...node, isOld: true })),
];

/** A package in a directory of its own, with sources or only what is emitted; answers the path of its bin. */
function layOut(directory: string, { sources, node }: { sources: boolean; node: boolean }): string {
  const root = path.join(directory, 'packages', 'some');
  const files = {
    'package.json': JSON.stringify({ name: '@kolejka/some', type: 'module' }),
    'bin/kolejka-some.js': BIN,
    // Types, so that it runs only where TypeScript does.
    ...(sources ? { 'src/main.ts': `const typed: number = 1;\n${PROGRAM}` } : { 'dist/main.js': PROGRAM }),
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), content);
  }
  const program = path.join(directory, 'node_modules', '@kolejka', 'program');
  mkdirSync(program, { recursive: true });
  cpSync(new URL('../launch.js', import.meta.url), path.join(program, 'launch.js'));
  cpSync(new URL('../package.json', import.meta.url), path.join(program, 'package.json'));
  if (node) {
    const bin = path.join(directory, 'node_modules', `node-linux-${process.arch}`, 'bin');
    mkdirSync(bin, { recursive: true });
    symlinkSync(process.execPath, path.join(bin, 'node'));
  }
  return path.join(root, 'bin', 'kolejka-some.js');
}

function withDirectory<Answer>(use: (directory: string) => Promise<Answer>): Promise<Answer> {
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-launch-'));
  return use(directory).finally(() => rmSync(directory, { recursive: true, force: true }));
}

function start(parent: Parent, bin: string, args: string[]): ChildProcess {
  return spawn(parent.file, [...parent.args, bin, ...args], {
    stdio: 'pipe',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
}

/** Runs to the end; a process that a signal ended is as a shell sees it: 128 and the signal's number. */
async function run(parent: Parent, bin: string, args: string[], input = '') {
  const child = start(parent, bin, args);
  child.stdin?.end(input);
  const [out, err, [code, signal]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { out, err, status: code ?? signal };
}

for (const parent of parents) {
  test(`${parent.name}: in the workspace the sources run on a Node that can, with the arguments as given`, (t) =>
    withDirectory(async (directory) => {
      const bin = layOut(directory, { sources: true, node: true });
      const { out, err, status } = await run(parent, bin, ['show', '--debug', 'a b', '']);
      t.deepEqual(JSON.parse(out), {
        more: ['--debug', 'a b', ''],
        node: process.version,
        conditions: ['--conditions=kolejka-source'],
      });
      t.is(err, '');
      t.is(status, 0);
    }));

  test(`${parent.name}: input reaches the program and its output comes back`, (t) =>
    withDirectory(async (directory) => {
      const bin = layOut(directory, { sources: true, node: true });
      t.is((await run(parent, bin, ['echo'], 'some\0bytes')).out, 'some\0bytes');
    }));

  test(`${parent.name}: the exit status is the program’s`, (t) =>
    withDirectory(async (directory) => {
      const bin = layOut(directory, { sources: true, node: true });
      t.is((await run(parent, bin, ['exit', '5'])).status, 5);
    }));

  test(`${parent.name}: a program that a signal ends does not end well`, (t) =>
    withDirectory(async (directory) => {
      const bin = layOut(directory, { sources: true, node: true });
      t.is((await run(parent, bin, ['die', 'SIGKILL'])).status, parent.isOld ? 137 : 'SIGKILL');
    }));

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`${parent.name}: ${signal} sent to the launcher reaches the program`, (t) =>
      withDirectory(async (directory) => {
        // A session of its own: no terminal is around that could send the signal to both.
        const bin = layOut(directory, { sources: true, node: true });
        const child = spawn(parent.file, [...parent.args, bin, 'wait', signal], { stdio: 'pipe', detached: true });
        t.is(String((await once(child.stdout, 'data'))[0]), 'ready\n');
        child.kill(signal);
        t.deepEqual(await once(child, 'exit'), [42, null]);
      }));
  }

  test(`${parent.name}: an installed package runs what was emitted, or says in one sentence what is needed`, (t) =>
    withDirectory(async (directory) => {
      const bin = layOut(directory, { sources: false, node: false });
      const { out, err, status } = await run(parent, bin, ['show', 'x']);
      if (parent.isOld) {
        t.regex(err, /^kolejka-some needs Node 24 or newer and this is v\d+\.\d+\.\d+: install one and try again\.\n$/);
        t.is(status, 6);
      } else {
        t.deepEqual(JSON.parse(out), { more: ['x'], node: process.version, conditions: [] });
      }
    }));

  if (parent.isOld) {
    test(`${parent.name}: a workspace that was not set up is told so in one sentence`, (t) =>
      withDirectory(async (directory) => {
        const bin = layOut(directory, { sources: true, node: false });
        const { out, err, status } = await run(parent, bin, ['show']);
        t.regex(err, /^kolejka-some needs Node 24 or newer and this is v20\.[^\n]*: run "npm run setup"[^\n]*\.\n$/);
        t.is(out, '');
        t.is(status, 6);
      }));
  }
}
