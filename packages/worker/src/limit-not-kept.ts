/** The refusal of a limit that this node cannot keep. */
import { GridError, type LimitName } from '@kolejka/protocol';

/** @param why ends the sentence, without a full stop */
export function notKept(limit: LimitName, why: string, cause?: unknown): GridError {
  const field = `limits.${limit}`;
  return new GridError('limit-not-kept', `${field}: this node cannot keep it: ${why}.`, { field, cause });
}
