// A registry of images for the tests. Debian's package is one program and a service; only the program is wanted, so
// where none is installed, the package is unpacked beside the checkout's other set-up.
import { mkdirSync, rmSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptDownload, distribution } from './debian.mjs';
import { run, which } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { withTemporaryDirectory } from './temporary.mjs';

const program = 'docker-registry';

/**
 * Leaves a registry where the tests look for it: its program in `.setup/registry.json`. Without one only those tests
 * are skipped, so it is no reason to stop.
 */
export async function setUpRegistry(root) {
  const directory = join(root, '.setup');
  mkdirSync(directory, { recursive: true });
  const note = join(directory, 'registry.json');
  try {
    const found = which(program) ?? (await unpacked(join(directory, program)));
    writeFileSync(note, `${JSON.stringify({ program: found })}\n`);
  } catch (problem) {
    if (!(problem instanceof SetupError)) throw problem;
    writeFileSync(note, `${JSON.stringify({ missing: problem.message })}\n`);
    say(`The tests with a registry of images are skipped here: ${problem.message}`);
  }
}

async function unpacked(directory) {
  const file = join(directory, 'usr/bin', program);
  if (existsSync(file)) return file;
  if (!distribution()) throw new SetupError(`install ${program} and try again.`);
  await withTemporaryDirectory(async (downloads) => {
    // Renamed when it is whole: the set-up may be interrupted.
    const half = `${directory}.${process.pid}`;
    try {
      for (const deb of await aptDownload([program], downloads)) await run('dpkg-deb', ['-x', deb, half]);
      rmSync(directory, { recursive: true, force: true });
      renameSync(half, directory);
    } finally {
      rmSync(half, { recursive: true, force: true });
    }
  });
  if (!existsSync(file)) throw new SetupError(`${distribution()}'s ${program} has no program ${program}: install one.`);
  say(`Unpacked ${distribution()}'s ${program} for the tests; nothing was installed.`);
  return file;
}
