/**
 * Content codings of bodies: what is stored are always the bytes themselves.
 *
 * Measured 2026-11 on two cores, MiB/s on text: zstd at level 1 517, gzip at level 1 209 and at its usual level 73;
 * sha256sum there 330. So zstd is sent to whoever knows it, and gzip only for small blobs: the original's clients ask
 * for it always, and a large blob would come later than without.
 */
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import zlib from 'node:zlib';
import { type BlobHash, GridError } from '@kolejka/protocol';
import type { Request } from 'express';
import type { BlobStore } from './store.ts';

const { ZSTD_c_compressionLevel: LEVEL, ZSTD_d_windowLogMax: WINDOW } = zlib.constants;
const CHUNK = 128 * 1024;

interface Coding {
  encode: () => Transform;
  encodeSample: (bytes: Buffer) => Buffer;
  decode: () => Transform & { bytesWritten: number };
  /** Larger blobs are not sent so, in bytes. */
  largest: number;
}

/** Preferred first. */
const CODINGS = {
  zstd: {
    encode: () => zlib.createZstdCompress({ chunkSize: CHUNK, params: { [LEVEL]: 1 } }),
    encodeSample: (bytes) => zlib.zstdCompressSync(bytes, { params: { [LEVEL]: 1 } }),
    // 8 MiB, the most that is sent over HTTP (RFC 9659): left alone, it would keep 128 MiB for each upload that asks.
    decode: () => zlib.createZstdDecompress({ chunkSize: CHUNK, params: { [WINDOW]: 23 } }),
    largest: Infinity,
  },
  gzip: {
    encode: () => zlib.createGzip({ chunkSize: CHUNK, level: 1 }),
    encodeSample: (bytes) => zlib.gzipSync(bytes, { level: 1 }),
    decode: () => zlib.createGunzip({ chunkSize: CHUNK }),
    largest: 1024 ** 2,
  },
} as const satisfies Record<string, Coding>;

export type CodingName = keyof typeof CODINGS;
const NAMES = Object.keys(CODINGS) as CodingName[];

/** Below that a blob is a few packets whatever is done to it. */
const SMALLEST = 4096;
/** The beginning of a blob, by which it is judged whether coding pays: tens of microseconds of work. */
const SAMPLE = 16 * 1024;
/** It pays when so much of the sample is left, or less. */
const PAYS = 0.8;

/** The coding in which the caller should get the blob; undefined: the bytes themselves. */
export async function chooseCoding(
  blobs: BlobStore,
  { hash, size }: { hash: BlobHash; size: number },
  request: Request,
): Promise<CodingName | undefined> {
  const wanted = request.get('accept-encoding')?.toLowerCase() ?? '';
  // Named, not meant by `*`: whoever says that may know nothing of zstd.
  const name = NAMES.find((one) => wanted.includes(one) && request.acceptsEncodings(one) === one);
  if (name === undefined || size < SMALLEST || size > CODINGS[name].largest) return undefined;
  const found = await blobs.get(hash, { start: 0, end: Math.min(size, SAMPLE) - 1 });
  if (found === undefined) return undefined;
  const sample = await buffer(found.bytes);
  return CODINGS[name].encodeSample(sample).length <= sample.length * PAYS ? name : undefined;
}

export function encoder(name: CodingName): Transform {
  return CODINGS[name].encode();
}

/** Bytes may come out of one that came in: what is larger is a bomb, or better sent in another way. */
const MOST_OUT_OF_ONE = 200;
/** Little is harmless whatever it was made of. */
const HARMLESS = 1024 ** 2;

/**
 * The bytes that a body stands for.
 * @throws GridError `bad-body` for a coding we do not know, a body that is not of it, or one that is a bomb
 */
export async function* decodeBody(body: AsyncIterable<Buffer>, coding: string): AsyncGenerator<Uint8Array> {
  const name = NAMES.find((one) => one === coding.trim().toLowerCase());
  if (name === undefined) {
    throw new GridError('bad-body', `Content-Encoding: ${coding.slice(0, 40)} is none of ${NAMES.join(', ')}.`);
  }
  const decoder = CODINGS[name].decode();
  let received = 0;
  let made = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      received += chunk.length;
      yield chunk;
    }
  }
  pipeline(counted(), decoder, () => undefined);
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      made += chunk.length;
      if (made > HARMLESS && made > MOST_OUT_OF_ONE * received) {
        throw new GridError('bad-body', `The body grows more than ${MOST_OUT_OF_ONE} times; send it without ${name}.`);
      }
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof GridError || (cause as { code?: string }).code?.startsWith('Z') !== true) throw cause;
    throw new GridError(
      'bad-body',
      `The body is not whole, or not ${name}${name === 'zstd' ? ' with a window of 8 MiB or less' : ''}.`,
      { cause },
    );
  }
  if (decoder.bytesWritten !== received) throw new GridError('bad-body', `After the ${name} there is something else.`);
}
