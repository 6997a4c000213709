import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { env, run } from './run.mjs';
import { SetupError } from './say.mjs';

const apt = { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' } };

/** "Debian" or "Ubuntu" (or what is made from them), undefined on any other system. */
export function distribution() {
  const family = [field('ID'), ...field('ID_LIKE').split(' ')];
  return family.some((id) => id === 'debian' || id === 'ubuntu') ? field('NAME').split(' ')[0] : undefined;
}

/** Code name of the release: "bookworm". */
export const release = () => field('VERSION_CODENAME');

const field = (name) => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(releaseText())?.[1] ?? '';

function releaseText() {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

/** Installs packages, and nothing that they merely recommend. */
export async function aptInstall(...names) {
  await update();
  // Another apt may be at work, as after a fresh machine's first boot.
  const args = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120', ...names];
  await run('apt-get', args, apt).catch((problem) => {
    throw new SetupError(`Install ${names.join(' ')} yourself and try again: apt-get says "${lastLine(problem)}".`);
  });
}

/** Fetches packages into a directory without installing them; gives the files. */
export async function aptDownload(names, directory) {
  // The user that apt drops to could not write here.
  const args = ['download', '-q', '-o', 'APT::Sandbox::User=root', ...names];
  const download = () => run('apt-get', args, { ...apt, cwd: directory });
  try {
    await download();
  } catch {
    await update(); // No package lists, or lists so old that the files they name are gone.
    await download().catch((problem) => {
      throw new SetupError(`apt-get must be able to fetch ${names.join(', ')}, and says "${lastLine(problem)}".`);
    });
  }
  return readdirSync(directory)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => join(directory, name));
}

/** Names of the packages that installing this one would install: itself and what it needs, unless it is there. */
export async function aptMissing(name) {
  const args = ['install', '-s', '-qq', '--no-install-recommends', name];
  const plan = () => run('apt-get', args, apt);
  const text = await plan().catch(async () => {
    await update(); // No package lists.
    return plan().catch((problem) => {
      throw new SetupError(`apt-get must know ${name}, and says "${lastLine(problem)}".`);
    });
  });
  return Array.from(text.matchAll(/^Inst (\S+)/gm), ([, missing]) => missing);
}

/** Where apt has the packages of this release from. */
export async function mirror() {
  const list = await run(
    'apt-get',
    ['indextargets', '--format', '$(RELEASE) $(REPO_URI)', 'Created-By: Packages'],
    apt,
  );
  const [, found] = new RegExp(`^${release()} (\\S+)$`, 'm').exec(list) ?? [];
  if (!found) throw new SetupError(`apt-get names no place for packages of ${release()}.`);
  return found;
}

/** Name of the package that a package of a kernel without a version stands for. */
export async function aptKernel(name) {
  const ask = () => run('apt-cache', ['depends', name], apt);
  const text = await ask().catch(async () => {
    await update(); // No package lists.
    return ask();
  });
  const [, found] = /Depends: (linux-image-\S+)/.exec(text) ?? [];
  if (!found) throw new SetupError(`apt-get must know ${name}, and does not.`);
  return found;
}

// A mirror that does not answer matters only when the step after it fails too, and that one reports.
const update = () => run('apt-get', ['update', '-q'], apt).catch(() => {});

const lastLine = (problem) => problem.output?.trim().split('\n').pop() ?? problem.message;
