import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { aptDownload } from './debian.mjs';
import { run } from './run.mjs';
import { withTemporaryDirectory } from './temporary.mjs';

/** Calls `make` with a new directory, which becomes `directory` when it is whole: a set-up may be interrupted. */
export async function makeWhole(directory, make) {
  const half = `${directory}.${process.pid}`;
  const remove = () => rmSync(half, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    mkdirSync(half, { recursive: true, mode: 0o755 });
    await make(half);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(dirname(directory), { recursive: true });
    renameSync(half, directory);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Fetches packages and unpacks them below a directory; nothing is installed. */
export async function unpackPackages(names, directory) {
  await withTemporaryDirectory(async (downloads) => {
    for (const deb of await aptDownload(names, downloads)) await run('dpkg-deb', ['-x', deb, directory]);
  });
}

/** Where unpacked packages keep their libraries: lib/x86_64-linux-gnu. */
export function librariesIn(directory) {
  return ['usr/lib', 'lib'].map((path) => join(directory, path)).flatMap(multiarch);
}

function multiarch(lib) {
  const names = existsSync(lib) ? readdirSync(lib).filter((name) => name.includes('-linux-')) : [];
  return names.map((name) => join(lib, name));
}
