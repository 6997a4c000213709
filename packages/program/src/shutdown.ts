/**
 * Signals as two AbortSignals: the first SIGTERM, SIGINT or SIGHUP asks (take nothing new, let running things end), the second
 * insists (end them). Everything that was opened registers its own closing; closings run in reverse order.
 */

export interface Shutdown {
  /** Aborted by the first signal, or by `ask`. */
  readonly asked: AbortSignal;
  /** Aborted by the second signal, or by `insist`. */
  readonly insisted: AbortSignal;
  ask(): void;
  insist(): void;
  /** What to do at the end; later registered runs first. */
  closing(name: string, close: () => unknown): void;
  /** Waits until asked, then closes everything. Errors of closings are gathered into one AggregateError. */
  finished(): Promise<void>;
}

/** SIGHUP too: a terminal that is closed ends what was started in it, in order. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Begins to listen for signals. `source` is the process, or an emitter in tests. */
export function openShutdown(source: Pick<NodeJS.Process, 'on' | 'off'> = process): Shutdown {
  const asked = new AbortController();
  const insisted = new AbortController();
  const closings: { name: string; close: () => unknown }[] = [];
  const onSignal = () => (asked.signal.aborted ? insisted : asked).abort();
  for (const signal of SIGNALS) source.on(signal, onSignal);

  async function closeAll(): Promise<void> {
    const errors: unknown[] = [];
    for (const { name, close } of closings.toReversed()) {
      try {
        await close();
      } catch (error) {
        errors.push(new Error(`closing ${name} failed`, { cause: error }));
      }
    }
    for (const signal of SIGNALS) source.off(signal, onSignal);
    if (errors.length > 0) throw new AggregateError(errors, 'not everything could be closed');
  }

  return {
    asked: asked.signal,
    insisted: insisted.signal,
    ask: () => asked.abort(),
    insist: () => {
      asked.abort();
      insisted.abort();
    },
    closing: (name, close) => void closings.push({ name, close }),
    async finished() {
      if (!asked.signal.aborted) {
        await new Promise<void>((resolve) => asked.signal.addEventListener('abort', () => resolve(), { once: true }));
      }
      await closeAll();
    },
  };
}
