/**
 * What a task prints, up to the server while it runs, for whoever follows it there. Seldom and bounded: the result has
 * all of it. So nothing is sent again that did not arrive, and nothing at the end.
 */
import type { Client } from '@kolejka/client';
import type { Clock, Log } from '@kolejka/program';
import {
  asGridError,
  type ForemanName,
  KEPT_OUTPUT_BYTES,
  type OutputPart,
  PASSING,
  type Task,
} from '@kolejka/protocol';
import type { OutputListener, OutputPiece } from '@kolejka/worker';
import type { HeldTask } from './held.ts';
import type { MESSAGES } from './messages.ts';

export interface LiveOutputContext {
  client: Pick<Client, 'putOutput'>;
  foreman: ForemanName;
  clock: Clock;
  log: Pick<Log<typeof MESSAGES>, 'say'>;
}

/** Least time between two messages about one task. */
const PAUSE_MS = 500;

interface Waiting {
  at: number;
  bytes: Buffer;
}

/** A listener for what the task prints; it goes on until the signal. */
export function tellOutput(
  { client, foreman, clock, log }: LiveOutputContext,
  task: Pick<Task, 'stdout' | 'stderr'>,
  { task: id, attempt }: Pick<HeldTask, 'task' | 'attempt'>,
  ended: AbortSignal,
): OutputListener {
  const waiting = new Map<OutputPiece['stream'], Waiting>();
  let sending: Promise<void> | undefined;
  let isUnwanted = false;

  async function sendAll(): Promise<void> {
    while (!isUnwanted && !ended.aborted && [...waiting.values()].some(({ bytes }) => bytes.length > 0)) {
      const parts = [...waiting].flatMap(([stream, part]) => takeAll(stream, part) ?? []);
      try {
        await client.putOutput(id, { foreman, attempt, parts }, ended);
      } catch (thrown) {
        if (ended.aborted) return;
        const { code, message } = asGridError(thrown);
        // The task is another's by now, or the server keeps no output; a heartbeat says what is to be done.
        isUnwanted = !PASSING.has(code);
        log.say('output-not-sent', { task: id, attempt, message });
      }
      await clock.sleep(PAUSE_MS, ended).catch(() => undefined);
    }
    sending = undefined;
  }

  return ({ stream, bytes, missedBytes }) => {
    if (isUnwanted || ended.aborted) return;
    // Where both go into one file, that is the order to keep.
    const name = task.stdout !== undefined && task.stdout === task.stderr ? 'stdout' : stream;
    waiting.set(name, withMore(waiting.get(name), bytes, missedBytes));
    sending ??= sendAll();
  };
}

/** The last of what waits and what comes; what was missed leaves a gap. */
function withMore(before: Waiting = { at: 0, bytes: Buffer.alloc(0) }, more: Buffer, missedBytes: number): Waiting {
  const all =
    missedBytes > 0
      ? { at: before.at + before.bytes.length + missedBytes, bytes: more }
      : { at: before.at, bytes: Buffer.concat([before.bytes, more]) };
  const tooMany = Math.max(0, all.bytes.length - KEPT_OUTPUT_BYTES);
  return { at: all.at + tooMany, bytes: all.bytes.subarray(tooMany) };
}

function takeAll(stream: OutputPiece['stream'], part: Waiting): OutputPart | undefined {
  const { at, bytes } = part;
  if (bytes.length === 0) return undefined;
  part.at += bytes.length;
  part.bytes = Buffer.alloc(0);
  return { stream, at, bytes: bytes.toString('base64') };
}
