/** Ctrl-C and SIGTERM while a command works: it ends what it does, says its sentence, and leaves 128 + the signal. */
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Thrown where a signal ended the work. */
class Interrupted extends Error {
  readonly exit: number;
  constructor(signal: (typeof SIGNALS)[number]) {
    super(signal);
    this.exit = 128 + constants.signals[signal];
  }
}

/**
 * Runs the work with a signal that Ctrl-C aborts; after that it says `sentence()` and sets the exit status.
 * A second Ctrl-C ends the program as usual.
 */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<void>,
  sentence: () => string,
): Promise<void> {
  const stop = new AbortController();
  const listeners = SIGNALS.map((name) => [name, () => stop.abort(new Interrupted(name))] as const);
  for (const [name, listener] of listeners) process.once(name, listener);
  const stopped = new Promise<never>((_resolve, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error), { once: true });
  });
  try {
    // Not everything hears the signal: connecting to a host that is not there may take long. What goes on for a moment
    // ends when the client is closed.
    await Promise.race([work(stop.signal), stopped]);
  } catch (thrown) {
    const reason: unknown = stop.signal.reason;
    if (!(reason instanceof Interrupted)) throw thrown;
    process.stderr.write(`${sentence()}\n`);
    process.exitCode = reason.exit;
  } finally {
    for (const [name, listener] of listeners) process.off(name, listener);
  }
}
