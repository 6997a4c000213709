/**
 * Handing in a result until the server has an answer. A result that is refused for what is in it would be made and
 * refused again on every node, and at last be told as a loss of nodes; so a small one that says why takes its place.
 */
import type { Client } from '@kolejka/client';
import { type ErrorCode, GridError, type Result } from '@kolejka/protocol';
import type { HeldTask, HeldTasks } from './held.ts';
import { patience, type PatienceContext, persist } from './persist.ts';

export interface HandInContext extends PatienceContext {
  client: Pick<Client, 'putResult'>;
  held: HeldTasks;
  /** Aborted when running tasks must be handed back. */
  insisted: AbortSignal;
}

/** Refusals for what is in a result; the others are for who hands it in, or when. */
const FOR_CONTENT: ReadonlySet<ErrorCode> = new Set([
  'too-large',
  'bad-value',
  'bad-body',
  'no-file',
  'file-without-reference',
  'reference-unknown',
  'reference-of-another',
]);

/** Longest message of a result. */
const MESSAGE_LENGTH = 4000;

/**
 * Offers the result until it is accepted or refused, then lets go of the task; it stays held meanwhile, so its lease is
 * renewed.
 * @param directory where the files of the result are
 * @throws GivenUp when insisted first
 */
export async function handIn(context: HandInContext, result: Result, directory: string, held: HeldTask): Promise<void> {
  const refusal = await offer(context, result, directory, held);
  if (refusal !== undefined && FOR_CONTENT.has(refusal.code)) {
    await offer(context, tellRefusal(result, refusal), directory, held);
  }
  context.held.remove(held);
}

/** Why the server wants no such result, or undefined when it has it. */
async function offer(
  context: HandInContext,
  result: Result,
  directory: string,
  held: HeldTask,
): Promise<GridError | undefined> {
  const { client, log, insisted } = context;
  const { task, attempt } = held;
  const put = () => client.putResult({ ...result, id: task }, directory, attempt, { signal: insisted });
  try {
    await persist(put, patience(context, held, insisted));
    log.say('result-accepted', { task, attempt, reason: result.reason });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof GridError)) throw thrown;
    log.say('result-refused', { task, attempt, code: thrown.code, message: thrown.message });
    return thrown;
  }
}

/** The same result without what came of its program but the exit code and the numbers. */
function tellRefusal({ reason, files: _lost, stdout: _out, stderr: _err, ...rest }: Result, error: GridError): Result {
  const { code, message } = error;
  return {
    ...rest,
    reason: code === 'too-large' ? 'disk' : (reason ?? 'infrastructure'),
    message: `The files of the result are lost, because the server refused it: ${message}`.slice(0, MESSAGE_LENGTH),
    files: {},
  };
}
