/** A large file that was never there before, and what the machine's own tool says of it. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';

const MIB = 1024 ** 2;

/** Writes the file anew and syncs it, so that nothing of it is left to be written while something is measured. */
export async function writeRandomFile(file: string, bytes: number): Promise<void> {
  const handle = await open(file, 'w');
  try {
    // One block, numbered: random enough that nothing shrinks it, and quicker than so much chance.
    const block = randomBytes(MIB);
    for (let number = 0; number < bytes / MIB; number += 1) {
      block.writeUInt32LE(number);
      await handle.write(block);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The sha256 of a file, by `sha256sum`. */
export async function checksum(file: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sha256sum', [file]);
  return stdout.split(' ')[0] ?? '';
}
