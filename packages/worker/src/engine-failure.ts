/** What a refusal or a silence of the engine means for a run. */
import { type ErrorCode, GridError } from '@kolejka/protocol';
import { engineMessage } from './engine.ts';

/** True when the engine did not answer: the error is one of the connection, such as ECONNREFUSED, and no word of its own. */
function isSilence(error: unknown): boolean {
  return typeof (error as { code?: unknown }).code === 'string';
}

/**
 * An error of a call to the engine, as ours. Its silence says nothing of the task or its image.
 * @param code what an answer of the engine means here
 * @param what begins the sentence: "The container could not be made"
 */
export function engineFailure(cause: unknown, code: ErrorCode, what: string): GridError {
  return new GridError(isSilence(cause) ? 'engine-unreachable' : code, `${what}: ${engineMessage(cause)}.`, { cause });
}
