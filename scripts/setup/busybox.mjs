import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptDownload, distribution } from './debian.mjs';
import { run, which } from './run.mjs';
import { SetupError } from './say.mjs';

/** A busybox that needs no library: the distribution's, unpacked below `directory`, or the one installed here. */
export async function findBusybox(directory) {
  const found = (distribution() && (await fromPackage(directory).catch(() => {}))) || which('busybox');
  if (found && isStatic(found)) return found;
  throw new SetupError('No registry answers and there is no static busybox: install one and try again.');
}

async function fromPackage(directory) {
  const files = await aptDownload(['busybox-static'], directory);
  const root = join(directory, 'busybox-static');
  await run('dpkg-deb', ['-x', files.find((file) => file.includes('busybox-static_')), root]);
  return ['usr/bin/busybox', 'bin/busybox'].map((path) => join(root, path)).find(existsSync);
}

const loadedBy = 3; // PT_INTERP: this segment names the dynamic loader

// A program that loads libraries names its loader in an ELF program header. Only 64-bit little-endian machines matter.
function isStatic(file) {
  const elf = readFileSync(file);
  const [start, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  const types = Array.from({ length: count }, (_, index) => elf.readUInt32LE(start + index * size));
  return !types.includes(loadedBy);
}
