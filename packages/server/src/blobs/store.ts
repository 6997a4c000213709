/**
 * Where the bytes of blobs are kept. Disk today; every store must pass test/blobs/store-contract.ts.
 *
 * Bytes and rows are in two places, and a collector removes what no row asks for. What keeps it from removing bytes
 * that are being put at the same moment: the last step of putting (`Placed.stay`) and the first of removing
 * (`takeAway`) take place inside a write to the database, of which there is one at a time in the whole grid.
 */
import type { Readable } from 'node:stream';
import type { BlobHash } from '@kolejka/protocol';

export interface Incoming {
  bytes: AsyncIterable<Uint8Array>;
  /** Nobody else looks at the chunks: the memory of each is given back as soon as it is written. */
  spent?: true;
  /** Most bytes that are taken. */
  largest: number;
  /** How many bytes there must be, where that is known. */
  size?: number | undefined;
  /** What they must be, where that is known. */
  hash?: BlobHash | undefined;
}

/** Bytes that are safe, but not yet promised to anybody. */
export interface Placed {
  hash: BlobHash;
  size: number;
  /**
   * To be called inside the write that records the blob: the bytes are there from now on, also when a collector has
   * just taken away what was there before. Waits for nothing.
   */
  stay(): void;
  /** To be called after that write has succeeded: makes safe what `stay` did, and lets go of what was kept for it. */
  settle(): Promise<void>;
  /** To be called instead when that write failed: lets go of what `put` has kept. What was adopted stays where it is. */
  giveUp(): Promise<void>;
}

/** Bytes that are on their way out. */
export interface TakenAway {
  hash: BlobHash;
  /** Puts them back, unless there are others by now. Waits for nothing: it may be called inside a write. */
  putBack(): void;
  /** Removes them for good. */
  remove(): Promise<void>;
}

/** The part of a blob that is asked for: first and last byte, counted from 0. */
export interface Part {
  start: number;
  end: number;
}

export interface BlobStore {
  /**
   * Takes the whole stream in. When it resolves the bytes are safe: they survive a crash of the machine. When it
   * rejects nothing is left. The same bytes are kept once, however often and by however many they are put.
   * @throws GridError `too-large`, `no-space`, `bad-body` when the stream breaks off, or is not of this size or hash
   */
  put(incoming: Incoming): Promise<Placed>;
  /**
   * Takes over a file of `uploads` that is safe on disk, as `put` does a stream. It is there until `settle`.
   * @param blob what is in the file
   */
  adopt(file: string, blob: { hash: BlobHash; size: number }): Promise<Placed>;
  /** The directory of uploads that come in pieces; see uploads/store.ts. */
  uploads: string;
  /** The bytes, or undefined when there are none of this hash. The caller reads the stream or destroys it. */
  get(hash: BlobHash, part?: Part): Promise<{ size: number; bytes: Readable } | undefined>;
  has(hash: BlobHash): Promise<boolean>;
  /** Takes the bytes away so that nobody finds them; undefined when there are none. Only inside a write. */
  takeAway(hash: BlobHash): TakenAway | undefined;
  /** What was taken away by a process that died before it could remove it or put it back. */
  takenAway(): Promise<TakenAway[]>;
}
