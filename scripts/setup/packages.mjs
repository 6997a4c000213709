import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { workspaces } from './workspaces.mjs';

// The one that wrote the lockfile.
const pnpm = 'pnpm@12.21.0';

/** Installs what the lockfile says, unless that is what is installed. */
export async function setUpPackages(root) {
  // In node_modules, so that deleting that deletes the stamp.
  const stamp = join(root, 'node_modules/.kolejka-setup');
  const wanted = fingerprint(root);
  if (directories(root).every(existsSync) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;

  rmSync(stamp, { force: true }); // An interrupted installation must not look like the one before it.
  // --yes: npx asks before fetching pnpm, and refuses where npm is configured to answer no. CI: pnpm asks nothing.
  const options = { cwd: root, env: { ...process.env, CI: 'true' } };
  await run('npx', ['--yes', pnpm, 'install', '--frozen-lockfile'], options).catch((problem) => {
    throw new SetupError(
      `${problem.output ?? ''}\nThe packages were not installed: mend what pnpm says above, and try again.`,
    );
  });
  writeFileSync(stamp, wanted);
  say('Installed the packages.');
}

function fingerprint(root) {
  const hash = createHash('sha256').update(`${pnpm} ${process.platform} ${process.arch}`);
  const manifests = workspaces(root).map((folder) => join(folder, 'package.json'));
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests]) {
    hash.update(`\n${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

// One package's node_modules may be deleted without the stamp.
function directories(root) {
  const own = workspaces(root).filter((folder) => hasDependencies(join(root, folder, 'package.json')));
  return ['node_modules/.bin', ...own.map((folder) => join(folder, 'node_modules'))].map((path) => join(root, path));
}

function hasDependencies(manifest) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(manifest, 'utf8'));
  return Object.keys({ ...dependencies, ...devDependencies }).length > 0;
}
