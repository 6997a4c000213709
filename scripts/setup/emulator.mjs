import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { aptMissing, distribution } from './debian.mjs';
import { env, run, which } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { librariesIn, makeWhole, unpackPackages } from './unpacked.mjs';

const program = 'qemu-system-x86_64';

/**
 * The emulator: the one installed here, or the distribution's unpacked into `directory`.
 * Gives its program, the directories of its libraries and firmware, and that of its own modules.
 */
export async function findEmulator(directory) {
  const installed = which(program);
  if (installed) return { program: installed, libraries: [], firmware: [] };
  if (!existsSync(join(directory, 'usr/bin', program))) {
    await makeWhole(directory, async (half) => unpackPackages(await aptMissing('qemu-system-x86'), half));
    say(`Unpacked ${distribution()}'s ${program}; nothing was installed.`);
  }
  const libraries = librariesIn(directory);
  const emulator = {
    program: join(directory, 'usr/bin', program),
    libraries,
    firmware: ['usr/share/seabios', 'usr/share/qemu'].map((path) => join(directory, path)),
    modules: libraries.map((library) => join(library, 'qemu')).find(existsSync),
  };
  const options = { env: { ...env, LD_LIBRARY_PATH: libraries.join(':') } };
  await run(emulator.program, ['--version'], options).catch(() => {
    throw new SetupError(`${distribution()}'s ${program} does not run when it is only unpacked: install it.`);
  });
  return emulator;
}
