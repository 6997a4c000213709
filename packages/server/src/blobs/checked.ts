/**
 * A blob store whose bytes are checked while they are read: a file that has changed on disk breaks off before its last
 * chunk, and the reader sees a connection that ends early instead of wrong bytes that look complete.
 *
 * A part of a blob cannot be checked by the hash of the whole; who puts a blob together from parts checks it by its
 * name, which is the ETag of every answer.
 */
import { createHash } from 'node:crypto';
import { pipeline, Transform } from 'node:stream';
import { GridError, type BlobHash } from '@kolejka/protocol';
import type { BlobStore, Part } from './store.ts';

/** @param damaged hears of every blob that is not what its name says */
export function checkedStore<Store extends BlobStore>(store: Store, damaged: (hash: BlobHash) => void): Store {
  return {
    ...store,
    async get(hash: BlobHash, part?: Part) {
      const found = await store.get(hash, part);
      if (found === undefined || !isWhole(part, found.size)) return found;
      const checked = holdBackLast(hash, () => damaged(hash));
      pipeline(found.bytes, checked, () => undefined);
      return { size: found.size, bytes: checked };
    },
  };
}

function isWhole(part: Part | undefined, size: number): boolean {
  return part === undefined || (part.start === 0 && part.end >= size - 1);
}

/** Passes chunks on one behind, so that the last one goes out only when all of them are right. */
function holdBackLast(expected: BlobHash, damaged: () => void): Transform {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  return new Transform({
    // Chunks are large; one is enough to keep the reader busy.
    highWaterMark: 1,
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      const before = held;
      held = chunk;
      done(null, before);
    },
    flush(done) {
      if (hash.digest('hex') === expected) return done(null, held);
      damaged();
      done(new GridError('internal', `the blob ${expected} is damaged on disk`));
    },
  });
}
