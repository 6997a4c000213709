/**
 * A blob store whose bytes are checked while they are read: a file that has changed on disk breaks off before its last
 * chunk, and the reader sees a connection that ends early instead of wrong bytes that look complete.
 */
import { createHash } from 'node:crypto';
import { pipeline, Transform } from 'node:stream';
import { GridError, type BlobHash } from '@kolejka/protocol';
import type { BlobStore } from './store.ts';

/** @param damaged hears of every blob that is not what its name says */
export function checkedStore(store: BlobStore, damaged: (hash: BlobHash) => void): BlobStore {
  return {
    ...store,
    async get(hash) {
      const found = await store.get(hash);
      if (found === undefined) return undefined;
      const checked = holdBackLast(hash, () => damaged(hash));
      pipeline(found.bytes, checked, () => undefined);
      return { size: found.size, bytes: checked };
    },
  };
}

/** Passes chunks on one behind, so that the last one goes out only when all of them are right. */
function holdBackLast(expected: BlobHash, damaged: () => void): Transform {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  return new Transform({
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
