/**
 * Hashes of uploads under way, from one piece to the next. They are in memory: of an upload that came here by another
 * server, or whose hash was given up, the bytes are read once more at its end.
 */
import { createHash } from 'node:crypto';
import type { BlobHash } from '@kolejka/protocol';

export interface Uploads {
  hashes: Map<string, RunningHash>;
}

/** Most hashes that are kept. */
const MOST = 1000;

export function openUploads(): Uploads {
  return { hashes: new Map() };
}

/** The hash of so many bytes; it tells by itself how many, as more may have come than the disk took. */
export class RunningHash {
  readonly #hash = createHash('sha256');
  count = 0;

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.count += chunk.length;
  }

  digest(): BlobHash {
    return this.#hash.copy().digest('hex') as BlobHash;
  }
}

/** Takes out the hash of the first bytes of an upload; undefined when it is not known. */
export function takeHash({ hashes }: Uploads, id: string, bytes: number): RunningHash | undefined {
  const known = hashes.get(id);
  hashes.delete(id);
  if (known?.count === bytes) return known;
  return bytes === 0 ? new RunningHash() : undefined;
}

/** Keeps a hash for the next piece; of too many the oldest is given up. */
export function keepHash({ hashes }: Uploads, id: string, hash: RunningHash): void {
  const oldest = hashes.keys().next().value;
  if (hashes.size >= MOST && oldest !== undefined) hashes.delete(oldest);
  hashes.set(id, hash);
}
