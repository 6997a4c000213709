import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Calls `use` with a directory that is gone afterwards, also when the set-up is interrupted. */
export async function withTemporaryDirectory(use) {
  const directory = mkdtempSync(join(tmpdir(), 'kolejka-setup-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    return await use(directory);
  } finally {
    process.off('exit', remove);
    remove();
  }
}
