/**
 * Runs a program of ours for as long as whoever started it lives: `node guarded.ts <its main file> <its arguments>`.
 *
 * On descriptor 3 is the end of a pipe whose other end only the starter holds. The kernel closes that one however the
 * starter ends, SIGKILL too; nobody is left then to stop the programs, so each of them stops itself.
 */
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const STARTER = 3;

/** From the first signal, by which running things end by themselves, to the second, which ends them. */
const PATIENCE_MS = 10_000;
/** From there to the end of a program that does not react. */
const LAST_MS = 3000;

/** Does not keep the program from ending by itself: neither the pipe nor the pauses count as work. */
const starter = new Socket({ fd: STARTER, readable: true, writable: false });
starter.on('error', () => undefined);
starter.once('close', () => void endItself());
starter.resume().unref();

async function endItself(): Promise<void> {
  process.kill(process.pid, 'SIGTERM');
  await sleep(PATIENCE_MS, undefined, { ref: false });
  process.kill(process.pid, 'SIGTERM');
  await sleep(LAST_MS, undefined, { ref: false });
  process.kill(process.pid, 'SIGKILL');
}

// The program finds its arguments where it would without us.
process.argv.splice(1, 1);
await import(pathToFileURL(process.argv[1] ?? '').href);
