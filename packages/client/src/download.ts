/** Bytes from the server: checked by size and hash on their way into a file. */
import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { backOff, makeDirectories, realClock } from '@kolejka/program';
import type { Bytes } from '@kolejka/program/call';
import { BlobHash, GridError, parseFileName, type Reference } from '@kolejka/protocol';
import { type Connection, explained, unknownSentence } from './connection.ts';
import { findStream, type Output, replaceFile, resolveLinks, unwritable, writeInto } from './target.ts';

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
 * What is known of a reference: which blob it is of, and how large that is.
 * @throws GridError `not-found` naming the reference
 */
export async function showReference(
  connection: Connection,
  reference: string,
  signal?: AbortSignal,
): Promise<Reference> {
  const unknown = unknownSentence(connection, 'reference', reference);
  const call = connection.call('showReference', {
    params: { key: reference },
    ...(signal !== undefined && { signal }),
  });
  return (await explained(call, { 'not-found': unknown })).reference;
}

/**
 * Writes the bytes of a reference to a file, in place of one that is there; links are followed. What is no file (a
 * fifo, a device, `/dev/stdout`) is written into. Answers the number of bytes.
 * @throws GridError `bad-answer` when they are not what the server announced, `no-file` when they cannot be written
 */
export async function downloadTo(
  connection: Connection,
  reference: string,
  file: string,
  options: DownloadOptions = {},
): Promise<number> {
  const fetch = (output: Output) => fetchBytes(connection, reference, output, options);
  const stats = await findStream(file);
  if (stats !== undefined) return await writeInto({ file, stats, signal: options.signal }, fetch);
  const target = await resolveLinks(file);
  await makeDirectories(path.dirname(path.resolve(target))).catch((cause: unknown) => {
    throw unwritable(path.dirname(target), cause);
  });
  return await replaceFile(target, fetch);
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
  return await replaceFile(path.join(directory, name), (output) => fetchBytes(connection, reference, output, options));
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

async function fetchBytes(
  connection: Connection,
  reference: string,
  output: Output,
  options: DownloadOptions,
): Promise<number> {
  // Of what is written: begun again, a download goes on where it broke, as not every output can be rewound.
  const hasher = createHash('sha256');
  let written = 0;
  for (let attempt = 1; ; attempt += 1) {
    const bytes = await getBlob(connection, reference, options);
    let size = 0;
    let broken: unknown;
    try {
      for await (const chunk of bytes.body as AsyncIterable<Buffer>) {
        const more = chunk.subarray(Math.max(0, written - size));
        await output(more);
        hasher.update(more);
        written += more.length;
        size += chunk.length;
      }
    } catch (cause) {
      // Of the output's errors none goes away by trying again; of the connection's all may.
      if (options.signal?.aborted === true || cause instanceof GridError) throw cause;
      broken = cause;
    }
    if (broken === undefined) {
      checkBytes(reference, { ...bytes, size: bytes.size ?? size }, written, hasher.digest('hex'), options.hash);
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
    await realClock.sleep(backOff(attempt), options.signal);
  }
}

function checkBytes(reference: string, bytes: Bytes, size: number, hash: string, known: BlobHash | undefined): void {
  const announced = BlobHash.safeParse(bytes.etag).data;
  if (bytes.size === size && (announced === undefined || announced === hash) && (known === undefined || known === hash))
    return;
  throw new GridError(
    'bad-answer',
    `The server sent other bytes for reference ${reference} than it announced: try again.`,
  );
}
