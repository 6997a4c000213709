/**
 * Reads the bytes of a JSON or form body, unpacked, and stops at once when there are too many or they come too slowly.
 *
 * The reader of express would first take in all that a caller likes to send, and refuse it then.
 */
import type { Readable, Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { GridError } from '@kolejka/protocol';
import type { Request } from 'express';

export interface BodyRules {
  /** In bytes, also after unpacking. */
  largest: number;
  /** A caller that takes longer is refused: some of these bodies come from callers nobody knows. */
  withinMs: number;
}

/** 8 MiB, as far back as zstd may look in what is sent over HTTP (RFC 9659); it would keep 128 MiB for whoever asks. */
const ZSTD = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };

/** How a body may be packed, as Content-Encoding says. */
const UNPACK = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
  ['zstd', () => createZstdDecompress(ZSTD)],
]);

/** @throws GridError `too-large`, `bad-body` */
export async function readBytes(request: Request, rules: BodyRules): Promise<Buffer> {
  const { headers } = request;
  const packing = headers['content-encoding']?.toLowerCase() ?? 'identity';
  const unpack = UNPACK.get(packing);
  if (unpack === undefined && packing !== 'identity') {
    throw new GridError('bad-body', 'The Content-Encoding is not gzip, deflate, br or zstd.');
  }
  if (unpack === undefined && Number(headers['content-length'] ?? 0) > rules.largest) throw tooLarge(rules);
  if (unpack === undefined) return collect(request, request, rules);
  const unpacked = unpack();
  try {
    return await collect(request, request.pipe(unpacked), rules);
  } finally {
    request.unpipe(unpacked);
    unpacked.destroy();
  }
}

async function collect(request: Request, stream: Readable, rules: BodyRules): Promise<Buffer> {
  if (request.destroyed) throw new GridError('bad-body', 'The body is not whole.');
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer) => {
    size += chunk.length;
    if (size > rules.largest) reject(tooLarge(rules));
    else chunks.push(chunk);
  };
  const end = () => resolve(Buffer.concat(chunks, size));
  const broken = (cause?: unknown) => reject(new GridError('bad-body', 'The body is not whole.', { cause }));
  const timer = setTimeout(() => {
    reject(new GridError('bad-body', `The body did not come whole within ${rules.withinMs / 1000} s.`));
  }, rules.withinMs);
  stream.on('data', take).on('end', end).on('error', broken);
  // A request that breaks off ends nothing that it is piped into; one that is whole closes before all is unpacked.
  const gone = () => {
    if (!request.complete) broken();
  };
  request.on('close', gone);
  return promise.finally(() => {
    clearTimeout(timer);
    stream.off('data', take).off('end', end);
    request.off('close', gone);
    // Its errors are still heard: what is left of the body may be no good either.
    stream.pause();
  });
}

function tooLarge({ largest }: BodyRules): GridError {
  return new GridError('too-large', `The body is too large: at most ${largest} bytes are taken here.`);
}
