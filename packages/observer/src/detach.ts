/** `--detach`: the same program once more, as a daemon; what starts it ends when it listens, or says why it does not. */
import { spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { once } from 'node:events';

const FLAG = '--detach';
const STDERR = 2;

/**
 * Starts the daemon in a session of its own, away from the terminal. Answers when it has said on stdout that it is
 * ready, or has ended; what it says before that is shown here.
 * @param stop aborted when the daemon is not wanted any more before it is ready
 * @returns its exit status when it did not get ready
 */
export async function startDetached(stop: AbortSignal): Promise<number> {
  const args = [...process.execArgv, ...process.argv.slice(1).filter((arg) => arg !== FLAG)];
  // A file may be its log for as long as it likes; a terminal or a pipe it must let go.
  const stderr = fstatSync(STDERR).isFile() ? 'inherit' : 'pipe';
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', stderr] });
  stop.addEventListener('abort', () => child.kill('SIGTERM'));
  child.stderr?.pipe(process.stderr, { end: false });
  const ended = once(child, 'exit').then(([code]) => Number(code ?? 1));
  const ready = once(child.stdout ?? child, 'data').then(([line]) => {
    process.stdout.write(String(line));
    return 0;
  });
  const status = await Promise.race([ready, ended]);
  // Its last words may come after its end.
  if (status !== 0 && child.stderr !== null && !child.stderr.readableEnded) await once(child.stderr, 'end');
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
  return status;
}
