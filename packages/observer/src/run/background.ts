/** Running on when the command line has returned. */
import { spawn } from 'node:child_process';

const FLAG = '--background';
/** Set for the command that runs on; taken away before the program could see it. */
const MARK = 'KOLEJKA_RUNNER_BACKGROUND';

/**
 * Starts this command once more, without the flag, in a session of its own of the system; fulfilled when the program
 * has begun, or when it could not, with the exit status.
 */
export async function goToBackground(): Promise<number> {
  const args = process.argv.slice(1);
  args.splice(args.indexOf(FLAG), 1);
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    // Whoever waits for the end of our output waits for us only.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  });
  child.stderr?.pipe(process.stderr);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
    child.once('message', () => {
      child.unref();
      child.stderr?.destroy();
      child.disconnect();
      resolve(0);
    });
  });
}

/** Is this the command that runs on? Asked once, at the start. */
export function isInBackground(): boolean {
  const isMarked = process.env[MARK] !== undefined;
  delete process.env[MARK];
  return isMarked;
}

/** Tells the command line that waits for it that the program has begun. */
export function sayStarted(): void {
  process.send?.('started', () => process.disconnect?.());
}
