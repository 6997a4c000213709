/**
 * Blobs that tasks of this node had as files, by their hash, so that the next task that wants one need not download it.
 *
 * A task gets a copy, shared on disk only where the file system copies on write: files of a task are writable in its
 * container, and a link would let one task change the input of another. A blob is verified by its hash when it is written
 * and once after each start of the foreman; from then on a file whose size or time of change is another is verified
 * again, and one that is damaged is fetched anew.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Client, DownloadOptions } from '@kolejka/client';
import { type Log, makeDirectories } from '@kolejka/program';
import { BlobHash, GridError, PASSING, type Reference } from '@kolejka/protocol';
import { hashOf, signatureOf } from './file-signature.ts';
import type { MESSAGES } from './messages.ts';

export interface BlobCacheOptions {
  client: Pick<Client, 'downloadTo' | 'showReference'>;
  /** This cache's own. */
  directory: string;
  /** Most bytes of all blobs together. */
  spaceBytes: number;
  log: Pick<Log<typeof MESSAGES>, 'say'>;
}

interface Entry {
  sizeBytes: number;
  /** Milliseconds since 1970; kept as the time of access, which a restart finds. */
  usedMs: number;
  /** Size and times of the file when its bytes were those of its hash; undefined when that was not looked at. */
  verified: string | undefined;
}

/** How often a blob that vanishes at once is fetched. */
const TRIES = 3;

export class BlobCache {
  readonly #options: BlobCacheOptions;
  readonly #entries = new Map<BlobHash, Entry>();
  /** Downloads under way, and the bytes they will be. */
  readonly #filling = new Map<BlobHash, { done: Promise<unknown>; sizeBytes: number }>();

  #lastMs = 0;

  private constructor(options: BlobCacheOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier process has left; what it had not finished is removed. @throws the system's error */
  static async open(options: BlobCacheOptions): Promise<BlobCache> {
    const cache = new BlobCache(options);
    await makeDirectories(options.directory, 0o700);
    for (const name of await readdir(options.directory)) {
      const hash = BlobHash.safeParse(name).data;
      const file = path.join(options.directory, name);
      if (hash === undefined) await rm(file, { recursive: true });
      else {
        const { size, atimeMs } = await stat(file);
        cache.#entries.set(hash, { sizeBytes: size, usedMs: atimeMs, verified: undefined });
      }
    }
    await cache.#makeRoom();
    return cache;
  }

  /** As `downloadTo` of the client, from here where that can be. @throws GridError as that does */
  async downloadTo(reference: string, file: string, options: DownloadOptions = {}): Promise<number> {
    const { client, spaceBytes } = this.#options;
    const known = await this.#about(reference, options.signal);
    if (known === undefined || known.size > spaceBytes) return await client.downloadTo(reference, file, options);
    const { blob: hash, size } = known;
    for (let tries = 0; tries < TRIES; ) {
      if (await this.#copy(hash, file)) return size;
      const underWay = this.#filling.get(hash);
      if (underWay !== undefined) {
        // What becomes of it is another task's; then this one looks again.
        await settledOrGone(underWay.done, options.signal);
        continue;
      }
      tries += 1;
      if (!(await this.#fill(known, options))) break;
    }
    return await client.downloadTo(reference, file, options);
  }

  /** Undefined where the server does not say: then the download says why. */
  async #about(reference: string, signal: AbortSignal | undefined): Promise<Reference | undefined> {
    try {
      return await this.#options.client.showReference(reference, signal);
    } catch (thrown) {
      if (!(thrown instanceof GridError) || PASSING.has(thrown.code)) throw thrown;
      return undefined;
    }
  }

  /** Copies a blob that is here; false when it is not, or was damaged. */
  async #copy(hash: BlobHash, file: string): Promise<boolean> {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return false;
    const cached = path.join(this.#options.directory, hash);
    try {
      const before = await signatureOf(cached);
      if (entry.verified !== before) {
        if ((await hashOf(cached)) !== hash) return await this.#drop(hash, 'blob-damaged');
        entry.verified = before;
      }
      await copyFile(cached, file, constants.COPYFILE_FICLONE);
      if ((await signatureOf(cached)) !== before) return await this.#drop(hash, 'blob-damaged');
      await this.#markUsed(cached, entry);
      return true;
    } catch (error) {
      // Removed while it was copied, or by hand; anything else is of the file that is written.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return await this.#drop(hash);
    }
  }

  async #markUsed(cached: string, entry: Entry): Promise<void> {
    entry.usedMs = this.#now();
    const { mtime } = await stat(cached);
    await utimes(cached, new Date(entry.usedMs), mtime);
  }

  /** No two uses are at the same moment. */
  #now(): number {
    this.#lastMs = Math.max(Date.now(), this.#lastMs + 1);
    return this.#lastMs;
  }

  async #drop(hash: BlobHash, message?: 'blob-damaged'): Promise<false> {
    this.#entries.delete(hash);
    if (message !== undefined) this.#options.log.say(message, { blob: hash });
    await rm(path.join(this.#options.directory, hash), { force: true });
    return false;
  }

  /** Downloads a blob into the cache; false when it cannot be kept here. */
  async #fill(known: Reference, options: DownloadOptions): Promise<boolean> {
    // Begun when it is noted: its bytes count from the first on.
    const done = Promise.resolve().then(() => this.#download(known, options));
    this.#filling.set(known.blob, { done, sizeBytes: known.size });
    try {
      await done;
      return true;
    } catch (thrown) {
      if (options.signal?.aborted === true || (thrown instanceof GridError && PASSING.has(thrown.code))) throw thrown;
      this.#options.log.say('blob-not-kept', { blob: known.blob, error: thrown });
      return false;
    } finally {
      this.#filling.delete(known.blob);
    }
  }

  async #download({ key, blob, size }: Reference, options: DownloadOptions): Promise<void> {
    const { client, directory } = this.#options;
    await this.#makeRoom();
    const aside = path.join(directory, `new-${randomUUID()}`);
    try {
      await client.downloadTo(key, aside, { ...options, hash: blob });
      // Whole seconds: they can be set again when the time of access is.
      const now = Math.floor(Date.now() / 1000);
      await utimes(aside, now, now);
      await rename(aside, path.join(directory, blob));
    } catch (thrown) {
      await rm(aside, { force: true });
      throw thrown;
    }
    const verified = await signatureOf(path.join(directory, blob));
    this.#entries.set(blob, { sizeBytes: size, usedMs: this.#now(), verified });
  }

  /** Removes what was used least recently, until there is room for the rest and for what is being fetched. */
  async #makeRoom(): Promise<void> {
    const oldest = [...this.#entries].toSorted(([, one], [, other]) => one.usedMs - other.usedMs);
    const takenBytes = () =>
      [...this.#entries.values(), ...this.#filling.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const [hash] of oldest) {
      if (takenBytes() <= this.#options.spaceBytes) return;
      await this.#drop(hash);
    }
  }
}

/** @throws the signal's reason, when that comes first */
async function settledOrGone(done: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  const gone = Promise.withResolvers<never>();
  const leave = () => gone.reject(signal?.reason as Error);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', leave, { once: true });
  const settled = done.then(
    () => undefined,
    () => undefined,
  );
  try {
    await Promise.race([settled, gone.promise]);
  } finally {
    signal?.removeEventListener('abort', leave);
  }
}
