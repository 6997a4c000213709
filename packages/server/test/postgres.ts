/**
 * A PostgreSQL server for the tests of one file: on a free port, in a temporary directory, started when the first
 * database is asked for. Measured 2026-11 on two cores: 0.4 s for a new cluster, 0.04 s to start it, 0.03 s for a
 * database. So every file has a cluster of its own, and every test a database of its own.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';

const NOTE = path.join(import.meta.dirname, '../../../.setup/postgres.json');

/** As `scripts/setup/postgres.mjs` leaves it. */
interface Note {
  programs: string;
  /** Directories of libraries that the programs need and the machine does not have. */
  libraries: string[];
  /** Why there is no server. */
  missing?: string;
}

const note = readNote();

/** Why tests that need PostgreSQL cannot run here, or undefined. */
export const { missing } = note;

let cluster: Promise<URL> | undefined;

/**
 * Makes a database; answers its address. It is gone when the test process is.
 * @param template address of one that nobody uses, to be copied; else the new one is empty
 */
export async function newDatabase(template?: string): Promise<string> {
  cluster ??= startPostgres();
  const address = new URL(await cluster);
  const database = `test_${randomUUID().replaceAll('-', '')}`;
  const client = new pg.Client({ connectionString: address.href });
  await client.connect();
  const from = template === undefined ? 'template1' : new URL(template).pathname.slice(1);
  await client.query(`create database ${database} template ${from}`);
  await client.end();
  address.pathname = database;
  return address.href;
}

/**
 * Ends the server and removes its directory when its own input ends. Nobody writes to that: the kernel closes it when
 * the test process ends, in whatever way. `-QUIT` is the shutdown that finishes nothing.
 */
const GUARD = `
"$1/initdb" -D data -U kolejka --pwfile=password -A scram-sha-256 -E UTF8 --locale=C --no-sync >&2 && {
  "$1/postgres" -D data -p "$2" $3 &
  cat > /dev/null
  kill -QUIT $!
  wait $!
}
rm -rf "$PWD"
`;

/** Between the moment a port is found free and the moment the server takes it, another program may have it. */
const PORT_TRIES = 5;

const OPTIONS = [
  'listen_addresses=127.0.0.1',
  // In a directory that every user of the machine can see; the port is enough.
  'unix_socket_directories=',
  // Tests kill processes, and what a process has written stays written. Only a power cut would show the difference.
  'fsync=off',
  'full_page_writes=off',
  // Every test of a file may run at the same time, each with a server that has some connections.
  'max_connections=500',
  // The set-up leaves the compiler out.
  'jit=off',
];

async function startPostgres(): Promise<URL> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryToStart();
    } catch (error) {
      if (tries === PORT_TRIES || !/could not bind|could not create any TCP/.test(String(error))) throw error;
    }
  }
}

/** Starts a cluster; answers the address of its first database. */
async function tryToStart(): Promise<URL> {
  if (missing !== undefined) throw new Error(missing);
  const user = unprivileged();
  const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-postgres-'));
  // A superuser of PostgreSQL runs programs, so other users of the machine must not get in.
  const password = randomBytes(16).toString('hex');
  writeFileSync(path.join(directory, 'password'), password, { mode: 0o600 });
  for (const file of [directory, path.join(directory, 'password')]) chownSync(file, user.uid, user.gid);
  const port = await freePort();
  const options = OPTIONS.map((option) => `-c ${option}`).join(' ');
  const guard = spawn('/bin/sh', ['-c', GUARD, 'guard', note.programs, String(port), options], {
    ...user,
    cwd: directory,
    // Not in our process group: an interrupt on the terminal must reach the guard as the end of its input.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C', LD_LIBRARY_PATH: note.libraries.join(':') },
  });
  await heardReady(guard.stderr);
  // Keeps the test process from ending no longer than its tests do.
  guard.unref();
  for (const stream of [guard.stdin, guard.stderr]) (stream as Socket).unref();
  return new URL(`postgres://kolejka:${password}@127.0.0.1:${port}/postgres`);
}

/** Reads what the server says until it is ready, and goes on reading: a full pipe would stop it. */
function heardReady(stderr: NodeJS.ReadableStream): Promise<void> {
  const said: string[] = [];
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: stderr });
    const fail = () => reject(new Error(`PostgreSQL did not start:\n${said.join('\n')}`));
    lines.on('close', fail);
    lines.on('line', (line) => {
      if (said.length < 100) said.push(line);
      if (line.includes('ready to accept connections')) resolve();
      if (line.includes('database system is shut down')) fail();
    });
  });
}

/** PostgreSQL refuses to run as root; any user with a name will do. */
function unprivileged(): { uid: number; gid: number } {
  if (process.getuid?.() !== 0) return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function readNote(): Note {
  try {
    return JSON.parse(readFileSync(NOTE, 'utf8')) as Note;
  } catch {
    return { programs: '', libraries: [], missing: 'run `npm run setup` first' };
  }
}
