/**
 * Blobs on disk: `<root>/ab/<hash>` for a hash that begins with ab.
 *
 * The order is what makes an acknowledged blob safe: write aside (`<root>/incoming`) while hashing and counting →
 * fdatasync → rename into place → fsync the directory → only then the caller hears of it. A file under its final name is
 * therefore always whole, and whatever lies in `incoming` at start is of a process that died.
 */
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { BlobHash, GridError } from '@kolejka/protocol';
import type { BlobStore, Incoming } from './store.ts';

const ASIDE = 'incoming';

/** Makes what is missing of the store's directories and removes unfinished files; answers how many there were. */
export async function prepareDisk(root: string): Promise<number> {
  await mkdir(path.join(root, ASIDE), { recursive: true, mode: 0o700 });
  const present = new Set(await readdir(root));
  const shelves = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'));
  for (const shelf of shelves) {
    if (!present.has(shelf)) await mkdir(path.join(root, shelf), { recursive: true, mode: 0o700 });
  }
  await syncDirectory(root);
  // And the names that lead here: a blob below a directory that is lost in a crash is lost too.
  await syncDirectory(path.dirname(root));
  await syncDirectory(path.dirname(path.dirname(root))).catch(ignoreForeign);
  const remains = await readdir(path.join(root, ASIDE));
  for (const name of remains) await rm(path.join(root, ASIDE, name), { recursive: true });
  return remains.length;
}

/** The store below a directory that `prepareDisk` has made. */
export function openDisk(root: string): BlobStore {
  const shelfOf = (hash: BlobHash) => path.join(root, BlobHash.parse(hash).slice(0, 2));
  const fileOf = (hash: BlobHash) => path.join(shelfOf(hash), hash);

  return {
    async put(incoming) {
      const aside = path.join(root, ASIDE, randomUUID());
      try {
        const { hash, size } = await writeAside(aside, incoming);
        // Over what is there already: the bytes are the same, and a damaged file is healed.
        await rename(aside, fileOf(hash));
        await syncDirectory(shelfOf(hash));
        return { hash, size };
      } catch (error) {
        await unlink(aside).catch(ignoreMissing);
        throw error;
      }
    },
    async get(hash) {
      const file = await open(fileOf(hash)).catch(ignoreMissing);
      if (file === undefined) return undefined;
      try {
        const { size } = await file.stat();
        return { size, bytes: file.createReadStream() };
      } catch (error) {
        await file.close();
        throw error;
      }
    },
    has: async (hash) => (await stat(fileOf(hash)).catch(ignoreMissing)) !== undefined,
    async remove(hash) {
      await unlink(fileOf(hash)).catch(ignoreMissing);
      await syncDirectory(shelfOf(hash));
    },
  };
}

async function writeAside(file: string, incoming: Incoming): Promise<{ hash: BlobHash; size: number }> {
  const handle = await open(file, 'wx', 0o600);
  const hash = createHash('sha256');
  try {
    let size = 0;
    for await (const chunk of wholeStream(incoming)) {
      await take(handle, hash, chunk);
      size += chunk.length;
    }
    await handle.datasync();
    return { hash: hash.digest('hex') as BlobHash, size };
  } finally {
    await handle.close();
  }
}

async function take(handle: Awaited<ReturnType<typeof open>>, hash: Hash, chunk: Uint8Array): Promise<void> {
  hash.update(chunk);
  for (let done = 0; done < chunk.length; ) done += (await handle.write(chunk, done)).bytesWritten;
}

/** The bytes as they come, as long as they are what was announced. */
async function* wholeStream({ bytes, largest, size }: Incoming): AsyncGenerator<Uint8Array> {
  let count = 0;
  if (size !== undefined && size > largest) throw tooLarge(largest);
  try {
    for await (const chunk of bytes) {
      count += chunk.length;
      if (count > largest) throw tooLarge(largest);
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof GridError) throw cause;
    throw new GridError('bad-body', `The body broke off after ${count} bytes.`, { cause });
  }
  if (size !== undefined && count !== size) {
    throw new GridError('bad-body', `The body has ${count} bytes, not the ${size} that were announced.`);
  }
}

function tooLarge(largest: number): GridError {
  return new GridError('too-large', `A blob may have at most ${largest} bytes.`);
}

/** Makes names in a directory safe from a crash. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A directory we may not read was not made by us, and not now. */
function ignoreForeign(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'EACCES') return undefined;
  throw error;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}
