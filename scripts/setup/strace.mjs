// strace, for the test that looks in which order the server writes, syncs and answers. Where it is not installed, the
// distribution's package is unpacked beside the checkout's other set-up, with the libraries that are not here yet.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptDownload, aptMissing, distribution } from './debian.mjs';
import { env, run, which } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { withTemporaryDirectory } from './temporary.mjs';

/**
 * Leaves strace where the tests look for it: its program and libraries, in `.setup/strace.json`. Without it only those
 * tests are skipped, so it is no reason to stop.
 */
export async function setUpStrace(root) {
  const directory = join(root, '.setup');
  mkdirSync(directory, { recursive: true });
  const note = join(directory, 'strace.json');
  try {
    const program = which('strace');
    const found = program ? { program, libraries: [] } : await unpacked(join(directory, 'strace'));
    writeFileSync(note, `${JSON.stringify(found)}\n`);
  } catch (problem) {
    if (!(problem instanceof SetupError)) throw problem;
    writeFileSync(note, `${JSON.stringify({ missing: problem.message })}\n`);
    say(`The test of what is on disk before an answer is skipped here: ${problem.message}`);
  }
}

async function unpacked(directory) {
  const kept = await find(directory);
  if (kept) return kept;
  if (!distribution()) throw new SetupError('install strace and try again.');
  await withTemporaryDirectory(async (downloads) => {
    // Renamed when it is whole: the set-up may be interrupted.
    const half = `${directory}.${process.pid}`;
    try {
      for (const deb of await aptDownload(await aptMissing('strace'), downloads)) {
        await run('dpkg-deb', ['-x', deb, half]);
      }
      rmSync(directory, { recursive: true, force: true });
      renameSync(half, directory);
    } finally {
      rmSync(half, { recursive: true, force: true });
    }
  });
  const found = await find(directory);
  if (!found) throw new SetupError(`${distribution()}'s strace does not run when it is only unpacked: install it.`);
  say(`Unpacked ${distribution()}'s strace for the tests; nothing was installed.`);
  return found;
}

async function find(directory) {
  const program = join(directory, 'usr/bin/strace');
  if (!existsSync(program)) return undefined;
  const libraries = ['usr/lib', 'lib'].flatMap((path) => multiarch(join(directory, path)));
  const options = { env: { ...env, LD_LIBRARY_PATH: libraries.join(':') } };
  const isFit = await run(program, ['-V'], options).then(
    () => true,
    () => false,
  );
  return isFit ? { program, libraries } : undefined;
}

// Where Debian keeps libraries: lib/x86_64-linux-gnu.
function multiarch(lib) {
  const names = existsSync(lib) ? readdirSync(lib).filter((name) => name.includes('-linux-')) : [];
  return names.map((name) => join(lib, name));
}
