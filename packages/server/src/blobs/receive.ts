/** What a request says of the bytes it brings. */
import { BlobHash, GridError } from '@kolejka/protocol';
import type { Request } from 'express';
import { decodeBody } from './codings.ts';
import { overQuota } from './quota.ts';
import type { Incoming } from './store.ts';

/**
 * The bytes of an upload, with their size and hash where they were announced. More than there is room for is refused
 * before it is read where the caller says how many there are, else while it is.
 * @param largest most bytes of any blob
 * @param room how many more bytes the caller may keep
 * @throws GridError `bytes-quota-reached`, `bad-body` for bodies that are not simply the bytes, `bad-value` for a
 * digest that is none
 */
export function incomingFrom(request: Request, largest: number, room: number): Incoming {
  if (request.get('content-type')?.toLowerCase().startsWith('multipart/') === true) {
    throw new GridError('bad-body', 'Send the bytes themselves as the body, not a multipart form.');
  }
  // A refusal must not destroy the request: then nobody would read the rest of its body, and what the caller sends next
  // on the same connection would wait behind it for ever.
  const bytes = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  const coding = request.get('content-encoding') ?? 'identity';
  const hash = announcedHash(request.get('content-digest'));
  const size = announcedSize(request);
  if (size !== undefined && size > room && size <= largest) throw overQuota(room);
  if (coding === 'identity') return { bytes: within(bytes, room), spent: true, largest, size, hash };
  // The digest of RFC 9530 is of the body as it is sent, the hash of a blob of what it stands for.
  if (hash !== undefined) {
    throw new GridError('bad-value', 'Content-Digest: only for a body without Content-Encoding', {
      field: 'Content-Digest',
    });
  }
  return { bytes: within(decodeBody(bytes, coding), room), spent: true, largest };
}

async function* within(bytes: AsyncIterable<Uint8Array>, room: number): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const chunk of bytes) {
    count += chunk.length;
    if (count > room) throw overQuota(room);
    yield chunk;
  }
}

/** The announced length; undefined for a chunked body, or one that is coded. */
function announcedSize(request: Request): number | undefined {
  const length = request.get('content-length');
  return length === undefined || request.get('content-encoding') !== undefined ? undefined : Number(length);
}

/** @throws GridError `bad-value` */
function announcedHash(header: string | undefined): BlobHash | undefined {
  if (header === undefined) return undefined;
  const text = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:,|$)/.exec(header)?.[1];
  if (text !== undefined) return BlobHash.parse(Buffer.from(text, 'base64').toString('hex'));
  throw new GridError('bad-value', 'Content-Digest: expected sha-256=:…: with 32 bytes in base64', {
    field: 'Content-Digest',
  });
}

/** An upload may take as long as it takes, but a caller that fell silent may not keep its line and file for ever. */
export function endWhenSilent(request: Request, milliseconds: number): void {
  request.setTimeout(milliseconds, () => {
    // Silence after the last byte is ours: the disk is at work.
    if (request.complete) return;
    request.destroy(new GridError('bad-body', `Nothing came of the body for ${milliseconds / 1000} s.`));
  });
}
