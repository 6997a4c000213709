// A PostgreSQL server for the tests. Only its programs are wanted: installing the distribution's package would also add
// a user, a cluster and a service to this machine. So where none is installed, its packages are unpacked into a cache.
// It runs from there as it is: it finds its other files from where it stands, and its libraries where it is told.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { aptDownload, aptMissing, distribution } from './debian.mjs';
import { env, run, which } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { withTemporaryDirectory } from './temporary.mjs';

const oldest = 13;

// Debian and Ubuntu; Red Hat's and PostgreSQL's own packages; anywhere else they are on the PATH.
const homes = ['/usr/lib/postgresql', '/usr'];
const homeNames = /^(pgsql-)?\d+$/;

/**
 * Leaves a PostgreSQL server where the tests look for it: its programs and libraries, in `.setup/postgres.json`.
 * Without one only those tests are skipped, so it is no reason to stop.
 */
export async function setUpPostgres(root) {
  const note = join(root, '.setup/postgres.json');
  mkdirSync(dirname(note), { recursive: true });
  try {
    const server = (await installed()) ?? (await unpacked(cache(root)));
    writeFileSync(note, `${JSON.stringify(server)}\n`);
  } catch (problem) {
    if (!(problem instanceof SetupError)) throw problem;
    writeFileSync(note, `${JSON.stringify({ missing: problem.message })}\n`);
    say(`The tests on PostgreSQL are skipped here: ${problem.message}`);
  }
}

function installed() {
  const onPath = which('postgres');
  const places = [...homes.flatMap(programsIn), ...(onPath ? [dirname(onPath)] : [])];
  return firstThatWorks(places, []);
}

// Those of the newest version first.
function programsIn(home) {
  const names = existsSync(home) ? readdirSync(home).filter((name) => homeNames.test(name)) : [];
  const number = (name) => Number(/\d+/.exec(name)[0]);
  return names.toSorted((one, other) => number(other) - number(one)).map((name) => join(home, name, 'bin'));
}

async function firstThatWorks(places, libraries) {
  for (const programs of places) if (await works({ programs, libraries })) return { programs, libraries };
  return undefined;
}

async function works({ programs, libraries }) {
  if (!existsSync(join(programs, 'initdb'))) return false;
  const options = { env: { ...env, ...(libraries.length > 0 && { LD_LIBRARY_PATH: libraries.join(':') }) } };
  const version = await run(join(programs, 'postgres'), ['--version'], options).catch(() => '');
  return Number(/(\d+)[^ ]*/.exec(version)?.[1]) >= oldest;
}

// PostgreSQL refuses to run as root, and the user it runs as instead cannot look into root's own directories.
const cache = (root) => (process.getuid() === 0 ? '/var/cache/kolejka/postgresql' : join(root, '.setup/postgresql'));

async function unpacked(directory) {
  const kept = await find(directory);
  if (kept) return kept;
  if (!distribution()) throw new SetupError(`install PostgreSQL ${oldest} or newer and try again.`);
  await withTemporaryDirectory(async (downloads) => {
    // Renamed when it is whole: two set-ups may be at work, and either may be interrupted.
    const half = `${directory}.${process.pid}`;
    try {
      mkdirSync(half, { recursive: true, mode: 0o755 });
      for (const file of await aptDownload(await wantedPackages(), downloads))
        await run('dpkg-deb', ['-x', file, half]);
      rmSync(directory, { recursive: true, force: true });
      renameSync(half, directory);
    } finally {
      rmSync(half, { recursive: true, force: true });
    }
  });
  const server = await find(directory);
  if (!server)
    throw new SetupError(`${distribution()}'s PostgreSQL does not run when it is only unpacked: install it.`);
  say(`Unpacked ${distribution()}'s PostgreSQL for the tests; nothing was installed.`);
  return server;
}

// The server and the libraries that are not here yet. Not what is there to compile queries (150 MB, and the tests have
// it off), to manage clusters (perl), or to load the other libraries with (libc: always here, and as new as they need).
const wanted = /^(postgresql-(client-)?\d+|lib(?!llvm|z3|c6|c-|perl).*(?<!-perl))$/;

async function wantedPackages() {
  return (await aptMissing('postgresql')).filter((name) => wanted.test(name));
}

function find(directory) {
  const libraries = ['usr/lib', 'lib'].flatMap((path) => multiarch(join(directory, path)));
  return firstThatWorks(programsIn(join(directory, 'usr/lib/postgresql')), libraries);
}

// Where Debian keeps libraries: lib/x86_64-linux-gnu.
function multiarch(lib) {
  const names = existsSync(lib) ? readdirSync(lib).filter((name) => name.includes('-linux-')) : [];
  return names.map((name) => join(lib, name));
}
