/** The file that tells other programs the pid of the daemon. */
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { GridError } from '@kolejka/protocol';
import { startedAt } from './peer.ts';

/** What clocks and file systems may differ in. */
const SLACK_MS = 2_000;

/**
 * Writes our pid, as a whole or not at all; answers how to remove it.
 * @throws GridError `already-exists` when the process it names lives, `node-unfit` when it cannot be written
 */
export function writePidFile(file: string): () => void {
  const whole = `${file}.${process.pid}`;
  try {
    writeFileSync(whole, `${process.pid}\n`, { mode: 0o644 });
    if (!tryLink(whole, file)) {
      refuseLiving(file);
      renameSync(whole, file);
    }
    // Of two that replace a stale one at the same time, the later stays.
    if (!isOurs(file)) refuseLiving(file);
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('node-unfit', `The pid file ${file} cannot be written (${code}); choose another path.`, {
      cause,
    });
  } finally {
    rmSync(whole, { force: true });
  }
  return () => {
    if (isOurs(file)) rmSync(file, { force: true });
  };
}

/** Unlike a rename, a link replaces nothing. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw thrown;
  }
}

/** The process that wrote the file was there before the file; one that began later only has its number. */
function refuseLiving(file: string): void {
  const pid = readPid(file);
  // Our own number is there when an earlier container had the same.
  if (pid === undefined || pid === process.pid) return;
  const started = startedAt(pid);
  const written = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  if (started === undefined || written === undefined || started > written + SLACK_MS) return;
  throw new GridError(
    'already-exists',
    `The pid file ${file} is that of process ${pid}, which runs; stop it, or choose another path with --pid-file.`,
    { field: '--pid-file' },
  );
}

function isOurs(file: string): boolean {
  return readPid(file) === process.pid;
}

/** Undefined when there is no file, or no pid in it. */
function readPid(file: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
  return /^[1-9]\d{0,9}\n?$/.test(text) ? Number(text) : undefined;
}
