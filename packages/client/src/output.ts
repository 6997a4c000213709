/** What a task prints: while it runs from what its foreman says, once it has ended from the files of its result. */
import { backOff, realClock } from '@kolejka/program';
import { type ForemanName, GridError, type OutputPart, PASSING } from '@kolejka/protocol';
import { type Connection, explained, unknownSentence } from './connection.ts';
import { getBlob } from './download.ts';
import { showResult } from './results.ts';
import { waitForResult } from './wait.ts';

export interface OutputPiece {
  stream: OutputPart['stream'];
  bytes: Buffer;
}

export interface OutputOptions {
  /** Goes on until the task has ended; without it, what there is now. */
  follow?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Seconds one question waits for more. */
const WAIT_SECONDS = 20;
/** Beyond the wait it was asked for, a server may be silent for this long. */
const PATIENCE_MS = 20_000;

type Seen = Record<OutputPart['stream'], number> & { attempt: number };

/**
 * The output of a task, byte by byte as it was. Of one that runs, what came before the last 64 KiB is only in its result.
 * @throws GridError `not-found`, `not-permitted`; `task-failed`, `task-cancelled` when it has ended without a result
 */
export async function* taskOutput(
  connection: Connection,
  id: string,
  { follow = false, signal }: OutputOptions = {},
): AsyncGenerator<OutputPiece, void> {
  const seen: Seen = { attempt: 0, stdout: 0, stderr: 0 };
  if (await connection.hasExtensions()) {
    const hasEnded = yield* liveOutput(connection, id, seen, { follow, signal });
    if (!hasEnded) return;
  }
  const { result } = follow
    ? await waitForResult(connection, id, { signal })
    : await showResult(connection, id, signal);
  for (const stream of ['stdout', 'stderr'] as const) {
    const name = result[stream];
    const reference = name === undefined ? undefined : result.files[name]?.reference;
    // Both in one file: it was shown as stdout.
    if (reference === undefined || (stream === 'stderr' && name === result.stdout)) continue;
    let left = seen[stream];
    const { body } = await getBlob(connection, reference, { signal });
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const bytes = chunk.subarray(left);
      left = Math.max(0, left - chunk.length);
      if (bytes.length > 0) yield { stream, bytes };
    }
  }
}

/** What comes while the task runs; answers whether it has ended. `seen` says how much was shown of which attempt. */
async function* liveOutput(
  connection: Connection,
  id: string,
  seen: Seen,
  { follow, signal }: { follow: boolean; signal: AbortSignal | undefined },
): AsyncGenerator<OutputPiece, boolean> {
  const unknown = unknownSentence(connection, 'task', id);
  const wait = follow ? WAIT_SECONDS : 0;
  for (let inARow = 0; ; ) {
    const call = connection.call('showOutput', {
      params: { id },
      query: { ...seen, wait },
      patienceMs: wait * 1000 + PATIENCE_MS,
      ...(signal !== undefined && { signal }),
    });
    try {
      const { attempt, parts, ended } = await explained(call, { 'not-found': unknown });
      inARow = 0;
      // When it runs again it prints from the start.
      if (attempt !== seen.attempt) Object.assign(seen, { attempt, stdout: 0, stderr: 0 });
      for (const { stream, at, bytes: text } of parts) {
        const bytes = Buffer.from(text, 'base64');
        seen[stream] = at + bytes.length;
        yield { stream, bytes };
      }
      if (ended || !follow) return ended;
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!follow || !(thrown instanceof GridError) || !PASSING.has(thrown.code)) throw thrown;
      inARow += 1;
      await realClock.sleep(backOff(inARow), signal);
    }
  }
}

/** What a task that runs has printed, said by its foreman. @throws GridError `stale-lease` when it lost the task */
export async function putOutput(
  connection: Connection,
  id: string,
  body: { foreman: ForemanName; attempt: number; parts: OutputPart[] },
  signal?: AbortSignal,
): Promise<void> {
  await connection.call('putOutput', { params: { id }, body, ...(signal !== undefined && { signal }) });
}
