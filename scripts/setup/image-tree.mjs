import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBusybox } from './busybox.mjs';
import { aptDownload, distribution } from './debian.mjs';
import { run } from './run.mjs';
import { SetupError } from './say.mjs';

// Merged, as in every release since 2023: packages that still say /lib and those that say /usr/lib both fit in.
const merged = ['bin', 'sbin', 'lib', 'lib64'];
const directories = ['dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'var/log', 'var/tmp'];
const modes = { root: 0o700, tmp: 0o1777, 'var/tmp': 0o1777 };
const files = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
};

/** Lays out an image's files below `directory`: the skeleton, busybox, the packages. Returns the tree's root. */
export async function makeTree({ packages, drop, links }, directory) {
  const root = join(directory, 'root');
  makeSkeleton(root);
  if (packages.length > 0) await unpack(packages, drop, root, directory);
  await addBusybox(root, directory);
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, 'usr/bin', name));
  return root;
}

function makeSkeleton(root) {
  for (const name of merged) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  for (const name of directories) mkdirSync(join(root, name), { recursive: true });
  for (const [name, mode] of Object.entries(modes)) chmodSync(join(root, name), mode);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
}

async function unpack(packages, drop, root, directory) {
  if (!distribution())
    throw new SetupError(`their image is made of packages of Debian or Ubuntu, and this is neither.`);
  const excluded = drop.map((pattern) => `--exclude=./${pattern}`);
  const tar = ['tar', '-C', root, '-xp', '--keep-directory-symlink', '--anchored', '--no-wildcards-match-slash'];
  for (const file of await aptDownload(packages, directory)) {
    await run('sh', ['-c', 'dpkg-deb --fsys-tarfile "$0" | "$@"', file, ...tar, ...excluded]);
  }
}

async function addBusybox(root, directory) {
  const busybox = join(root, 'usr/bin/busybox');
  copyFileSync(await findBusybox(directory), busybox);
  chmodSync(busybox, 0o755);
  for (const applet of (await run(busybox, ['--list'])).trim().split('\n')) {
    const link = join(root, 'usr/bin', applet);
    if (!existsSync(link)) symlinkSync('busybox', link);
  }
}
