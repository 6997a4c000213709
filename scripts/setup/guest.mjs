// The guest of the virtual machine: a kernel and the disk it starts from, both of the distribution's packages.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { aptKernel, mirror, release } from './debian.mjs';
import { env, run, which } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { withTemporaryDirectory } from './temporary.mjs';
import { makeWhole, unpackPackages } from './unpacked.mjs';

/** What the tests need there: an init, both engines, what the workspace's Node and the programs of tests ask for. */
const packages = [
  'systemd systemd-sysv dbus kmod iproute2 procps e2fsprogs busybox-static',
  'docker.io iptables podman conmon crun runc catatonit netavark ca-certificates',
  'libatomic1 perl-base python3 curl',
].flatMap((line) => line.split(' '));
const kernelPackage = 'linux-image-cloud-amd64';
const diskSize = '3G';

/** Gives the files of the kernel and of the disk, made below `cache` unless they are there. */
export async function makeGuest(cache) {
  const recipe = JSON.stringify([packages, kernelPackage, diskSize, release()]);
  const name = `guest-${createHash('sha256').update(recipe).digest('hex').slice(0, 12)}`;
  const directory = join(cache, name);
  const guest = { kernel: join(directory, 'kernel'), disk: join(directory, 'disk') };
  if (existsSync(guest.disk)) return guest;
  if (process.getuid?.() !== 0) throw new SetupError('run this as root: making the disk of the guest needs it.');
  await makeWhole(directory, (half) => fill(half));
  removeOlder(cache, name);
  say(`Made the guest of the virtual machine: ${release()} with ${await aptKernel(kernelPackage)}.`);
  return guest;
}

async function fill(directory) {
  const root = join(directory, 'root');
  await bootstrap(root);
  const kernel = join(directory, 'packages');
  await unpackPackages([await aptKernel(kernelPackage)], kernel);
  const [image] = readdirSync(join(kernel, 'boot')).filter((file) => file.startsWith('vmlinuz-'));
  const version = image.slice('vmlinuz-'.length);
  await run('mkdir', ['-p', join(root, 'usr/lib/modules')]);
  await run('cp', ['-a', join(kernel, 'lib/modules', version), join(root, 'usr/lib/modules/')]);
  await run('chroot', [root, 'depmod', version]);
  for (const path of ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/locale']) {
    rmSync(join(root, path), { recursive: true, force: true });
  }
  await run('cp', [join(kernel, 'boot', image), join(directory, 'kernel')]);
  // No journal: nothing that is written there outlives the machine.
  const options = ['-q', '-F', '-O', '^has_journal', '-E', 'lazy_itable_init=1', '-d', root];
  await run('mkfs.ext4', [...options, join(directory, 'disk'), diskSize]);
  for (const path of [root, kernel]) rmSync(path, { recursive: true, force: true });
}

// In a mount namespace of its own: what it mounts in the new root is gone with it, also when it is interrupted.
async function bootstrap(root) {
  await withTemporaryDirectory(async (directory) => {
    const found = which('debootstrap') ?? (await unpackDebootstrap(directory));
    const scripts = join(dirname(dirname(found)), 'share/debootstrap');
    const args = ['--variant=minbase', `--include=${packages.join(',')}`, release(), root, await mirror()];
    const options = { env: { ...env, DEBOOTSTRAP_DIR: scripts } };
    await run('setpriv', ['--pdeathsig=KILL', 'unshare', '--mount', found, ...args], options).catch((problem) => {
      const said = problem.output?.trim().split('\n').pop() ?? problem.message;
      throw new SetupError(`debootstrap could not make the guest, and says "${said}".`);
    });
  });
}

async function unpackDebootstrap(directory) {
  await unpackPackages(['debootstrap'], join(directory, 'debootstrap'));
  return join(directory, 'debootstrap/usr/sbin/debootstrap');
}

function removeOlder(cache, kept) {
  for (const name of readdirSync(cache)) {
    if (/^guest-[0-9a-f]{12}$/.test(basename(name)) && name !== kept) {
      rmSync(join(cache, name), { recursive: true, force: true });
    }
  }
}
