/** Where the bytes of blobs are kept. Disk today; every store must pass test/blobs/store-contract.ts. */
import type { Readable } from 'node:stream';
import type { BlobHash } from '@kolejka/protocol';

export interface Incoming {
  bytes: AsyncIterable<Uint8Array>;
  /** Most bytes that are taken. */
  largest: number;
  /** How many bytes there must be, where that is known. */
  size?: number | undefined;
}

export interface BlobStore {
  /**
   * Takes the whole stream in. When it resolves the bytes are safe: they survive a crash of the machine. When it
   * rejects nothing is left. The same bytes are kept once, however often and by however many they are put.
   * @throws GridError `too-large`, `bad-body` when the stream breaks off or is not `size` bytes long
   */
  put(incoming: Incoming): Promise<{ hash: BlobHash; size: number }>;
  /** The bytes, or undefined when there are none of this hash. The caller reads the stream or destroys it. */
  get(hash: BlobHash): Promise<{ size: number; bytes: Readable } | undefined>;
  has(hash: BlobHash): Promise<boolean>;
  /** Removes the bytes; it is no error when there are none. */
  remove(hash: BlobHash): Promise<void>;
}
