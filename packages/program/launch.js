/**
 * Starts one of our programs from a shell whose own Node may be too old.
 *
 * Plain JavaScript for any Node that knows modules. Published packages carry emitted JavaScript and run in this very
 * process. In the workspace the TypeScript sources run as they are, on the Node the workspace has brought along.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED = 24;
/** Exit status `this machine is not fit` of the error table, which an old Node could not read. */
const UNFIT = 6;

/**
 * Runs `src/<entry>.ts` of the package in the workspace, `dist/<entry>.js` of a published one.
 * @param {string} binUrl `import.meta.url` of the file in the package's `bin`
 * @param {string} entry
 */
export async function launch(binUrl, entry) {
  const bin = fileURLToPath(binUrl);
  const root = path.resolve(path.dirname(bin), '..');
  const source = path.join(root, 'src', `${entry}.ts`);
  const emitted = path.join(root, 'dist', `${entry}.js`);
  const inWorkspace = existsSync(source);
  const isNewEnough = Number(process.versions.node.split('.')[0]) >= NEEDED;
  if (!inWorkspace && isNewEnough) {
    module.enableCompileCache?.();
    await import(pathToFileURL(emitted).href);
    return;
  }
  const node = isNewEnough ? process.execPath : findWorkspaceNode(root);
  if (node === undefined) {
    const remedy = inWorkspace
      ? 'run "npm run setup" in the workspace, it brings one along'
      : 'install one and try again';
    stop(`${path.basename(bin, '.js')} needs Node ${NEEDED} or newer and this is ${process.version}: ${remedy}.`);
    return;
  }
  // What was compiled is kept below the workspace, where nobody else can put anything: starting takes half the time,
  // and a program that runs for long keeps 25 MB less in memory.
  if (inWorkspace) process.env.NODE_COMPILE_CACHE ??= path.join(root, 'node_modules', '.cache', 'compiled');
  becomeProcess(node, [
    ...(inWorkspace ? ['--conditions=kolejka-source', source] : [emitted]),
    ...process.argv.slice(2),
  ]);
}

/** The Node of the workspace around `directory`, or undefined. */
function findWorkspaceNode(directory) {
  for (let at = directory; ; at = path.dirname(at)) {
    const node = path.join(at, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
    if (existsSync(node)) return node;
    if (path.dirname(at) === at) return undefined;
  }
}

/** Becomes `node args`; where Node cannot exec, stands in front of it and passes signals and the exit status on. */
function becomeProcess(node, args) {
  // execve exists in newer Nodes only; on others this process stays as a thin parent.
  if (process.execve !== undefined) process.execve(node, [node, ...args], process.env);
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT']) {
    process.on(signal, () => {
      // Ctrl-C reaches the program by itself, and a second SIGINT would insist.
      if (signal !== 'SIGINT' || !isInForeground()) child.kill(signal);
    });
  }
  child.on('error', (error) => stop(`${node} cannot be started (${error.message}): run "npm run setup" again.`));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

/** Whether keys of a terminal reach this process and its children: `pgrp` and `tpgid` of proc(5). */
function isInForeground() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] === fields[5];
  } catch {
    return process.stdin.isTTY === true; // Not Linux.
  }
}

function stop(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exitCode = UNFIT;
}
