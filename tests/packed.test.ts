/**
 * The packages as they are published: emitted, packed, and installed with npm into an empty directory.
 *
 * Generic over packages/*: a new package is tested by being there.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { findOldNodes } from '../packages/program/test/old-nodes.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const DIRECTORY = mkdtempSync(path.join(tmpdir(), 'kolejka-packed-'));
const INSTALLED = path.join(DIRECTORY, 'node_modules');
const execute = promisify(execFile);

/** A program that does not end is ended, and the test fails. */
const run = (file: string, args: string[], options: { cwd?: string } = {}) =>
  execute(file, args, { ...options, timeout: 160_000, killSignal: 'SIGKILL' });

interface Manifest {
  name: string;
  version: string;
  engines?: { node?: string };
  bin?: Record<string, string>;
  exports?: Record<string, string | Record<string, string>>;
  dependencies?: Record<string, string>;
}

const folders = readdirSync(path.join(ROOT, 'packages')).filter((name) =>
  existsSync(path.join(ROOT, 'packages', name, 'package.json')),
);
const manifests = folders.map((name) => readManifest(path.join(ROOT, 'packages', name)));

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')) as Manifest;
}

const tarballOf = ({ name, version }: Manifest) => `${name.replace('@', '').replace('/', '-')}-${version}.tgz`;

/** The pnpm of the set-up; npm would pack `workspace:*` as it is. */
const pnpm = /pnpm@[\d.]+/.exec(readFileSync(path.join(ROOT, 'scripts/setup/packages.mjs'), 'utf8'))?.[0] ?? 'pnpm';

test.before('the packages are built, packed and installed', async () => {
  await run(path.join(ROOT, 'node_modules/.bin/tsc'), ['--build', ...folders.map((name) => `packages/${name}`)], {
    cwd: ROOT,
  });
  for (const name of folders) {
    const cwd = path.join(ROOT, 'packages', name);
    await run('npx', ['--yes', pnpm, 'pack', '--pack-destination', DIRECTORY], { cwd });
  }
  writeFileSync(path.join(DIRECTORY, 'package.json'), '{ "private": true }');
  const tarballs = manifests.map((manifest) => `./${tarballOf(manifest)}`);
  // No scripts: what our dependencies would build they also ship, as in the workspace.
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs], { cwd: DIRECTORY });
});

test.after.always('the temporary directory is removed', () => rmSync(DIRECTORY, { recursive: true, force: true }));

/** Files of an export or a bin; the condition of our own sources is for the workspace only. */
function targetsOf({ exports = {}, bin = {} }: Manifest): string[] {
  const doors = Object.values(exports).flatMap((target) =>
    typeof target === 'string'
      ? [target]
      : Object.entries(target).flatMap(([key, file]) => (isSource(key) ? [] : [file])),
  );
  return [...doors, ...Object.values(bin)].map((file) => path.posix.normalize(file));
}

const isSource = (condition: string) => condition === 'kolejka-source';

for (const manifest of manifests) {
  const { name } = manifest;

  test(`${name}: holds what it promises, and neither sources nor tests`, async (t) => {
    const { stdout } = await run('tar', ['-tzf', path.join(DIRECTORY, tarballOf(manifest))]);
    const files = stdout
      .trim()
      .split('\n')
      .map((file) => file.replace(/^package\//, ''));
    t.deepEqual(
      files.filter(
        (file) =>
          !/^(package\.json|README\.md|LICENSE|launch\.js|bin\/.*\.js|dist\/.*\.(js|d\.ts)|systemd\/.*\.service)$/.test(
            file,
          ),
      ),
      [],
    );
    t.deepEqual(
      files.filter((file) => /(^|\/)(src|test)\/|\.test\.|tsbuildinfo/.test(file)),
      [],
    );
    t.deepEqual(
      targetsOf(manifest).filter((file) => !files.includes(file)),
      [],
    );
  });

  test(`${name}: depends on real versions, and asks for Node 24`, (t) => {
    const packed = readManifest(path.join(INSTALLED, name));
    t.is(packed.engines?.node, '>=24');
    for (const [dependency, version] of Object.entries(packed.dependencies ?? {})) {
      t.regex(version, /^\d+\.\d+\.\d+$/, dependency);
    }
  });

  test(`${name}: every door opens`, async (t) => {
    t.timeout(60_000);
    for (const [door, target] of Object.entries(manifest.exports ?? {})) {
      // A door without types is a program: it is started, not imported.
      if (typeof target === 'object' && !('types' in target)) continue;
      const specifier = JSON.stringify(path.posix.join(name, door));
      await t.notThrowsAsync(
        run(process.execPath, ['--input-type=module', '-e', `await import(${specifier})`], { cwd: DIRECTORY }),
      );
    }
    t.pass();
  });
}

for (const command of manifests.flatMap(({ bin = {} }) => Object.keys(bin))) {
  const file = path.join(INSTALLED, '.bin', command);

  test(`${command} --help works where only packages are`, async (t) => {
    const { stdout, stderr } = await run(process.execPath, [file, '--help'], { cwd: DIRECTORY });
    t.true(stdout.startsWith(`Usage: ${command} `), stdout);
    t.is(stderr, '');
  });

  for (const node of findOldNodes()) {
    test(`${command} says in one sentence that ${node.name} is too old`, async (t) => {
      const error = await t.throwsAsync<Error & { code: number; stdout: string; stderr: string }>(
        run(node.file, [...node.args, file, '--help'], { cwd: DIRECTORY }),
      );
      t.is(error?.code, 6);
      t.is(error?.stdout, '');
      t.regex(error?.stderr ?? '', new RegExp(`^${command} needs Node 24 or newer and this is v20[^\\n]*\\.\\n$`));
    });
  }
}
