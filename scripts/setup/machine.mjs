// A virtual machine with cgroup v2, for the tests of what this machine's own control groups may not be.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { distribution } from './debian.mjs';
import { fetchTo } from './engine-api.mjs';
import { findEmulator } from './emulator.mjs';
import { makeGuest } from './guest.mjs';
import { SetupError } from './say.mjs';

/** Those of this machine's engine that tests in a guest use: loading one takes seconds there. */
const images = ['busybox:stable'];

const cache = '/var/cache/kolejka/machine';

/** Leaves an emulator, a kernel and a disk where `npm run test:vm` looks for them: `.setup/machine.json`. */
export async function setUpMachine(root) {
  if (distribution() !== 'Debian' || process.arch !== 'x64') {
    throw new SetupError('The virtual machine is made of packages of Debian for x86-64: run its tests there.');
  }
  const emulator = await findEmulator(join(cache, 'emulator'));
  const guest = await makeGuest(cache);
  mkdirSync(join(root, '.setup/guest'), { recursive: true });
  await fetchTo(join(root, '.setup/guest/images.tar'), `/images/get?names=${images.join('&names=')}`);
  writeFileSync(join(root, '.setup/machine.json'), `${JSON.stringify({ emulator, ...guest })}\n`);
}
