/** Bytes from the server: into a new file beside the target, checked by size and hash, then renamed into place. */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { backOff, realClock } from '@kolejka/program';
import type { Bytes } from '@kolejka/program/call';
import { BlobHash, GridError, parseFileName } from '@kolejka/protocol';
import { type Connection, explained, unknownSentence } from './connection.ts';

export interface DownloadOptions {
  signal?: AbortSignal | undefined;
  /** Hash the bytes must have, where it is known; our server says it too. */
  hash?: BlobHash;
}

/** How often a download that breaks in the middle is begun. */
const TRIES = 4;

/**
 * The bytes of a reference, as a stream.
 * @throws GridError `not-found` naming the reference
 */
export async function getBlob(
  connection: Connection,
  reference: string,
  { signal }: DownloadOptions = {},
): Promise<Bytes> {
  const unknown = unknownSentence(connection, 'reference', reference);
  const call = connection.callForBytes('getReference', {
    params: { key: reference },
    ...(signal !== undefined && { signal }),
  });
  return await explained(call, { 'not-found': unknown });
}

/**
 * Writes the bytes of a reference to a file, in place of one that is there; answers their number.
 * @throws GridError `bad-answer` when they are not what the server announced
 */
export async function downloadTo(
  connection: Connection,
  reference: string,
  file: string,
  options: DownloadOptions = {},
): Promise<number> {
  await mkdir(path.dirname(path.resolve(file)), { recursive: true }).catch((cause: unknown) => {
    throw unwritable(path.dirname(file), cause);
  });
  return await fetchInto(connection, reference, file, options);
}

/**
 * Writes the bytes of a reference to `name` below a directory, never through a symbolic link that is in it.
 * @throws GridError `bad-value` for a name that leads out
 */
export async function downloadInside(
  connection: Connection,
  reference: string,
  directory: string,
  name: string,
  options: DownloadOptions = {},
): Promise<number> {
  parseFileName(name, `files.${name.slice(0, 80)}`);
  await makeParents(directory, name);
  return await fetchInto(connection, reference, path.join(directory, name), options);
}

/** Each directory on the way to `name`, made or found to be a real one. */
async function makeParents(directory: string, name: string): Promise<void> {
  let at = directory;
  for (const part of name.split('/').slice(0, -1)) {
    at = path.join(at, part);
    // Another file of the same directory may be making it at this moment.
    await mkdir(at).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw unwritable(at, cause);
    });
    if (!(await lstat(at)).isDirectory()) {
      throw new GridError('no-file', `${at} is in the way: it is not a directory, so ${name} cannot be written.`);
    }
  }
}

async function fetchInto(
  connection: Connection,
  reference: string,
  file: string,
  options: DownloadOptions,
): Promise<number> {
  // Renaming replaces a link that is in the target's place, it does not follow it. The name is of its own: the
  // target's may be as long as names can be.
  const aside = path.join(path.dirname(file), `.kolejka-${randomUUID()}`);
  const output = await open(aside, 'wx', 0o644).catch((cause: unknown) => {
    throw unwritable(path.dirname(file), cause);
  });
  try {
    let size: number;
    try {
      size = await fetchBytes(connection, reference, output, options);
    } finally {
      await output.close();
    }
    await rename(aside, file).catch((cause: unknown) => {
      throw unwritable(file, cause);
    });
    return size;
  } catch (thrown) {
    await rm(aside, { force: true });
    throw thrown;
  }
}

async function fetchBytes(
  connection: Connection,
  reference: string,
  output: FileHandle,
  options: DownloadOptions,
): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const bytes = await getBlob(connection, reference, options);
    const hasher = createHash('sha256');
    let size = 0;
    let broken: unknown;
    try {
      for await (const chunk of bytes.body as AsyncIterable<Buffer>) {
        hasher.update(chunk);
        for (let done = 0; done < chunk.length; ) {
          done += (await output.write(chunk, done, chunk.length - done, size + done)).bytesWritten;
        }
        size += chunk.length;
      }
    } catch (cause) {
      // Of the disk's errors none goes away by trying again; of the connection's all may.
      if (options.signal?.aborted === true || (cause as NodeJS.ErrnoException).syscall === 'write') throw cause;
      broken = cause;
    }
    if (broken === undefined) {
      checkBytes(reference, bytes, size, hasher.digest('hex'), options.hash);
      return size;
    }
    if (attempt >= TRIES) {
      throw new GridError(
        'server-unreachable',
        `The connection to ${connection.server} breaks in the middle of a download.`,
        {
          cause: broken,
        },
      );
    }
    await output.truncate(0);
    await realClock.sleep(backOff(attempt), options.signal);
  }
}

function checkBytes(reference: string, bytes: Bytes, size: number, hash: string, known: BlobHash | undefined): void {
  const announced = BlobHash.safeParse(bytes.etag).data;
  const whole = bytes.size === undefined || bytes.size === size;
  if (whole && (announced === undefined || announced === hash) && (known === undefined || known === hash)) return;
  throw new GridError(
    'bad-answer',
    `The server sent other bytes for reference ${reference} than it announced: try again.`,
  );
}

function unwritable(target: string, cause: unknown): GridError {
  return new GridError('no-file', `${target} cannot be written: ${(cause as Error).message}.`, { cause });
}
