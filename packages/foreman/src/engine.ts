/** Whether the container engine of this node answers. */
import type { WorkerContext } from '@kolejka/worker';

/** An engine that is stopped with its socket open accepts connections and says nothing. */
const PATIENCE_MS = 5000;

/** Asks the engine for a sign of life. @returns why it gave none, or undefined when it answers */
export async function findEngineAway(
  { engine }: Pick<WorkerContext, 'engine'>,
  signal: AbortSignal,
): Promise<Error | undefined> {
  // The types of dockerode do not know the option, which it takes.
  const docker: { ping(options: { abortSignal: AbortSignal }): Promise<unknown> } = engine.docker;
  try {
    await docker.ping({ abortSignal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) });
    return undefined;
  } catch (cause) {
    return cause as Error;
  }
}
