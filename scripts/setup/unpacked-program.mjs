// A program of the distribution that only tests want. Where it is not installed, its package is unpacked beside the
// checkout's other set-up, with the libraries that are not here yet: nothing on this machine changes.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptDownload, aptMissing, distribution } from './debian.mjs';
import { env, run, which } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { withTemporaryDirectory } from './temporary.mjs';

/**
 * Leaves a program where the tests look for it: its file and libraries, in `.setup/<program>.json`. Without it only the
 * tests of `what` are skipped, so it is no reason to stop.
 * @param {string} root
 * @param {{ program: string, package: string, version: string, what: string }} wanted `version`: the flag that prints it
 */
export async function setUpProgram(root, wanted) {
  const directory = join(root, '.setup');
  mkdirSync(directory, { recursive: true });
  const note = join(directory, `${wanted.program}.json`);
  try {
    const installed = which(wanted.program);
    const found = installed
      ? { program: installed, libraries: [] }
      : await unpacked(join(directory, wanted.package), wanted);
    writeFileSync(note, `${JSON.stringify(found)}\n`);
  } catch (problem) {
    if (!(problem instanceof SetupError)) throw problem;
    writeFileSync(note, `${JSON.stringify({ missing: problem.message })}\n`);
    say(`The test of ${wanted.what} is skipped here: ${problem.message}`);
  }
}

async function unpacked(directory, wanted) {
  const kept = await find(directory, wanted);
  if (kept) return kept;
  if (!distribution()) throw new SetupError(`install ${wanted.package} and try again.`);
  await withTemporaryDirectory(async (downloads) => {
    // Renamed when it is whole: the set-up may be interrupted.
    const half = `${directory}.${process.pid}`;
    try {
      for (const deb of await aptDownload(await aptMissing(wanted.package), downloads)) {
        await run('dpkg-deb', ['-x', deb, half]);
      }
      rmSync(directory, { recursive: true, force: true });
      renameSync(half, directory);
    } finally {
      rmSync(half, { recursive: true, force: true });
    }
  });
  const found = await find(directory, wanted);
  const whose = `${distribution()}'s ${wanted.package}`;
  if (!found) throw new SetupError(`${whose} does not run when it is only unpacked: install it.`);
  say(`Unpacked ${whose} for the tests; nothing was installed.`);
  return found;
}

async function find(directory, { program: name, version }) {
  const program = ['usr/bin', 'bin'].map((path) => join(directory, path, name)).find((file) => existsSync(file));
  if (!program) return undefined;
  const libraries = ['usr/lib', 'lib'].flatMap((path) => multiarch(join(directory, path)));
  const options = { env: { ...env, LD_LIBRARY_PATH: libraries.join(':') } };
  const isFit = await run(program, [version], options).then(
    () => true,
    () => false,
  );
  return isFit ? { program, libraries } : undefined;
}

// Where Debian keeps libraries: lib/x86_64-linux-gnu, and systemd its own in a directory below.
function multiarch(lib) {
  const names = existsSync(lib) ? readdirSync(lib).filter((name) => name.includes('-linux-')) : [];
  return names.flatMap((name) => [join(lib, name), join(lib, name, 'systemd')]).filter((path) => existsSync(path));
}
