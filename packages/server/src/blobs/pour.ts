/** Writes a stream into a file: one write is under way while the next bytes come in and are hashed. */
import type { FileHandle } from 'node:fs/promises';
import { freeBytes, writeAll } from './files.ts';

/** Bytes that are gathered while others are being written. */
const BATCH = 1024 ** 2;
/** So many bytes written and not yet on the disk are sent on their way while others come. */
const UNSYNCED = 64 * 1024 ** 2;

export interface PourOptions {
  /** Hears all bytes. */
  hasher?: { update(chunk: Uint8Array): unknown } | undefined;
  /** As `Incoming.spent`. */
  spent: boolean;
  /** Hears how many of the bytes are safe on disk. */
  safe?: (count: number) => Promise<void>;
}

/**
 * Answers how many bytes came, all of which are safe on disk then. When the stream breaks it throws what the stream
 * threw; before, whoever wants to hear of what is safe hears of those that came.
 */
export async function pour(
  source: AsyncIterable<Uint8Array>,
  file: FileHandle,
  { hasher, spent, safe }: PourOptions,
): Promise<number> {
  let gathered: Uint8Array[] = [];
  let [bytes, unsynced, written] = [0, 0, 0];
  let writing: Promise<void> = Promise.resolve();

  async function sync(): Promise<void> {
    const count = written;
    await file.datasync();
    await safe?.(count);
  }
  async function writeOn(): Promise<void> {
    const batch = gathered;
    const size = bytes;
    gathered = [];
    bytes = 0;
    await writing;
    unsynced += size;
    const isDue = unsynced >= UNSYNCED;
    if (isDue) unsynced = 0;
    writing = writeAll(file, batch).then(() => {
      written += size;
      if (spent) for (const chunk of batch) freeBytes(chunk);
      return isDue ? sync() : undefined;
    });
    // Heard of by whoever waits for it next.
    writing.catch(() => undefined);
  }

  let isWhole = false;
  try {
    for await (const chunk of source) {
      hasher?.update(chunk);
      bytes += chunk.length;
      gathered.push(chunk);
      if (bytes >= BATCH) await writeOn();
    }
    isWhole = true;
  } finally {
    if (isWhole || safe !== undefined) {
      await writeOn();
      await writing;
      await sync();
    }
    // The file is closed by whoever opened it, but not while something is being written.
    await writing.catch(() => undefined);
  }
  return written;
}
