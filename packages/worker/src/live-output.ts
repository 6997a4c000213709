/**
 * What a program writes, for a listener while it runs.
 *
 * The files are the result; the listener is told beside them and can hold up nothing. It has one piece at a time. What
 * comes meanwhile is kept up to a bound, and beyond it the listener misses what follows, and is told how much.
 */

export interface OutputPiece {
  stream: 'stdout' | 'stderr';
  /** As they came: a piece may end within a character. */
  bytes: Buffer;
  /** So many bytes, of both streams, the listener has missed before this piece because it was too slow. */
  missedBytes: number;
}

/** The next piece comes when the promise is settled. One that throws or rejects hears nothing more. */
export type OutputListener = (piece: OutputPiece) => void | Promise<void>;

export interface LiveOutput {
  push(stream: OutputPiece['stream'], bytes: Buffer): void;
  /** Resolves when the listener has heard all that is kept for it, or was given the time for it. Never rejects. */
  end(): Promise<void>;
}

/** So much is kept for a listener that is busy. */
export const KEPT_BYTES = 1024 ** 2;
/** So long the end of a run waits for a listener that still has something to hear. */
const PATIENCE_MS = 1000;

/** @param failed hears once what the listener threw */
export function openLiveOutput(listener: OutputListener, failed: (error: unknown) => void): LiveOutput {
  const waiting: OutputPiece[] = [];
  let [keptBytes, missedBytes] = [0, 0];
  let telling: Promise<void> | undefined;
  let isDeaf = false;

  async function tellAll(): Promise<void> {
    try {
      for (let piece = waiting.shift(); piece !== undefined; piece = waiting.shift()) {
        keptBytes -= piece.bytes.length;
        await listener(piece);
      }
    } catch (error) {
      isDeaf = true;
      waiting.length = 0;
      failed(error);
    }
    telling = undefined;
  }

  return {
    push(stream, bytes) {
      if (isDeaf) return;
      if (keptBytes + bytes.length > KEPT_BYTES) {
        missedBytes += bytes.length;
        return;
      }
      keptBytes += bytes.length;
      // A copy: the piece of a connection holds on to all that came with it.
      waiting.push({ stream, bytes: Buffer.from(bytes), missedBytes });
      missedBytes = 0;
      // Not from here: what a listener does at once would be done in the way of the output.
      telling ??= Promise.resolve().then(tellAll);
    },
    async end() {
      if (missedBytes > 0 && !isDeaf) {
        waiting.push({ stream: 'stdout', bytes: Buffer.alloc(0), missedBytes });
        telling ??= tellAll();
      }
      if (telling === undefined) return;
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)));
      await Promise.race([telling, patience]);
      clearTimeout(timer);
    },
  };
}
