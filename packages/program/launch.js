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
const ownVersion = Number(process.versions.node.split('.')[0]);

/** The Node of the workspace around `directory`, or undefined. */
function findWorkspaceNode(directory) {
  for (let at = directory; ; at = path.dirname(at)) {
    const node = path.join(at, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
    if (existsSync(node)) return node;
    if (path.dirname(at) === at) return undefined;
  }
}

/**
 * Runs `src/<entry>.ts` of the package in the workspace, `dist/<entry>.js` of a published one.
 * @param {string} binUrl `import.meta.url` of the file in the package's `bin`
 * @param {string} entry
 */
export async function launch(binUrl, entry) {
  const root = path.resolve(path.dirname(fileURLToPath(binUrl)), '..');
  const source = path.join(root, 'src', `${entry}.ts`);
  const emitted = path.join(root, 'dist', `${entry}.js`);
  const inWorkspace = existsSync(source);
  if (!inWorkspace && ownVersion >= NEEDED) {
    module.enableCompileCache?.();
    await import(pathToFileURL(emitted).href);
    return;
  }
  const node = ownVersion >= NEEDED ? process.execPath : findWorkspaceNode(root);
  if (node === undefined) {
    const { name } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const remedy = inWorkspace
      ? 'run "npm run setup" in the workspace, it brings one along'
      : 'install one and try again';
    process.stderr.write(`${name} needs Node ${NEEDED} or newer and this is ${process.version}: ${remedy}.\n`);
    process.exitCode = 6;
    return;
  }
  replaceProcess(node, [...(inWorkspace ? ['--conditions=source', source] : [emitted]), ...process.argv.slice(2)]);
}

/** Becomes `node args`; where Node cannot exec, stands in front of it and passes signals and the exit status on. */
function replaceProcess(node, args) {
  // execve exists in newer Nodes only; on others this process stays as a thin parent.
  if (process.execve !== undefined) process.execve(node, [node, ...args], process.env);
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) {
    // Ctrl-C reaches the whole process group by itself; only what was sent to this process alone is passed on.
    process.on(signal, () => signal !== 'SIGINT' && child.kill(signal));
  }
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}
