/**
 * Bytes to the server: hashed here first, linked by hash where the server has them already, else sent as a stream.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { BlobHash, GridError, type Reference } from '@kolejka/protocol';
import type { Connection } from './connection.ts';

export interface UploadOptions {
  signal?: AbortSignal | undefined;
  /** Hears how many more bytes were sent, or need not be; less than 0 when a broken upload begins again. */
  sent?: ((bytes: number) => void) | undefined;
  /** `refuse` for files that somebody else made: the last part of the path must not be a symbolic link. */
  links?: 'follow' | 'refuse';
  /** What to call the file in errors. */
  field?: string;
}

/** Smaller files are read once, larger ones twice: to hash, and to send. */
const SMALL = 256 * 1024;

interface Source {
  hash: BlobHash;
  size: number;
  open: () => Readable | Buffer;
}

/**
 * Makes a reference to the bytes of a file, or to these bytes.
 * @throws GridError `no-file` when there is no such regular file, `bad-body` when it changes meanwhile, and what the
 * server refuses with
 */
export async function putBlob(
  connection: Connection,
  source: string | Uint8Array,
  options: UploadOptions = {},
): Promise<Reference> {
  if (typeof source !== 'string') return await send(connection, bytesSource(source), options);
  const file = await openRegular(source, options);
  try {
    const { size } = await file.stat();
    return await send(
      connection,
      size <= SMALL ? bytesSource(await file.readFile()) : await fileSource(file, source, options),
      options,
    );
  } finally {
    await file.close();
  }
}

async function send(connection: Connection, source: Source, { signal, sent }: UploadOptions): Promise<Reference> {
  const common = signal === undefined ? {} : { signal };
  try {
    const { reference } = await connection.call('linkBlob', { params: { hash: source.hash }, ...common });
    sent?.(source.size);
    return reference;
  } catch (thrown) {
    // Who may not link what others have sent may still send.
    const unknown = thrown instanceof GridError && (thrown.code === 'not-found' || thrown.code === 'not-permitted');
    if (!unknown) throw thrown;
  }
  const { reference } = await connection.call('putReference', {
    bytes: { open: source.open, size: source.size },
    ...common,
  });
  if (reference.blob !== source.hash) {
    throw new GridError(
      'bad-body',
      'The file changed while it was sent, or the server received something else: try again.',
    );
  }
  if (source.size <= SMALL) sent?.(source.size);
  return reference;
}

function bytesSource(bytes: Uint8Array): Source {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hash = BlobHash.parse(createHash('sha256').update(buffer).digest('hex'));
  return { hash, size: buffer.length, open: () => buffer };
}

async function fileSource(file: FileHandle, path: string, { sent }: UploadOptions): Promise<Source> {
  const hasher = createHash('sha256');
  let size = 0;
  for await (const chunk of chunks(file)) {
    hasher.update(chunk);
    size += chunk.length;
  }
  let told = 0;
  async function* again(): AsyncGenerator<Buffer> {
    if (told > 0) sent?.(-told);
    told = 0;
    for await (const chunk of chunks(file)) {
      told += chunk.length;
      if (told > size) break;
      sent?.(chunk.length);
      yield chunk;
    }
    if (told !== size) throw new GridError('bad-body', `${path} changed while it was sent: try again.`);
  }
  return {
    hash: BlobHash.parse(hasher.digest('hex')),
    size,
    open: () => Readable.from(again(), { objectMode: false, highWaterMark: SMALL }),
  };
}

function chunks(file: FileHandle): AsyncIterable<Buffer> {
  return file.createReadStream({ start: 0, autoClose: false, highWaterMark: SMALL });
}

/**
 * Opens a regular file for reading. Not blocking, so that a fifo is refused and not waited for.
 * @throws GridError `no-file`
 */
async function openRegular(path: string, { links = 'follow', field }: UploadOptions): Promise<FileHandle> {
  const named = field === undefined ? path : `${field}: ${path}`;
  const refuse = (what: string, cause?: unknown): GridError =>
    new GridError('no-file', `${named} ${what}.`, { cause, ...(field !== undefined && { field }) });
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  let file: FileHandle;
  try {
    file = await open(path, O_RDONLY | O_NONBLOCK | (links === 'refuse' ? O_NOFOLLOW : 0));
  } catch (cause) {
    throw refuse(
      OPEN_FAILURES[(cause as NodeJS.ErrnoException).code ?? ''] ?? `cannot be read (${(cause as Error).message})`,
      cause,
    );
  }
  try {
    const stat = await file.stat();
    if (stat.isFile()) return file;
    throw refuse(stat.isDirectory() ? 'is a directory; only regular files can be sent' : 'is not a regular file');
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

const OPEN_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be read by you',
  ELOOP: 'is a symbolic link',
  // What opening a socket answers.
  ENXIO: 'is not a regular file',
};
