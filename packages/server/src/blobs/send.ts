/** Answers the bytes of a blob: all or a part of them, as they are or coded, or that the caller has them already. */
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { type BlobHash, GridError } from '@kolejka/protocol';
import type { Request, Response } from 'express';
import type { Parts } from '../parts.ts';
import { sendfileHeaders } from '../sendfile.ts';
import { chooseCoding, type CodingName, encoder } from './codings.ts';
import { freeBytes } from './files.ts';
import type { Part } from './store.ts';

interface Named {
  hash: BlobHash;
  size: number;
}

/** @throws GridError `bad-range`, `internal` when the bytes are gone or damaged */
export async function sendBlob(
  { blobs, settings }: Pick<Parts, 'blobs' | 'settings'>,
  blob: Named,
  request: Request,
  response: Response,
): Promise<void> {
  const { hash, size } = blob;
  const etag = `"${hash}"`;
  response.set({ ETag: etag, 'Accept-Ranges': 'bytes' });
  response.vary('Accept-Encoding');
  if (isKnown(request.get('if-none-match'), etag)) return void response.status(304).end();
  response.set({
    'Content-Type': 'application/octet-stream',
    // The original puts blobs three directories deep and shows what is left of the name.
    'Content-Disposition': `inline; filename="${hash.slice(6)}"`,
  });
  const byProxy = sendfileHeaders(settings, hash);
  if (byProxy !== undefined) return void response.set(byProxy).end();
  const part = wantedPart(blob, request, response);
  const coding = part === undefined && request.method !== 'HEAD' ? await chooseCoding(blobs, blob, request) : undefined;
  describe(response, blob, { part, coding });
  if (request.method === 'HEAD') return void response.end();
  const found = await blobs.get(hash, part);
  if (found === undefined || found.size !== size) {
    found?.bytes.destroy();
    for (const name of response.getHeaderNames()) {
      if (/^(content-|etag|accept-ranges)/.test(name)) response.removeHeader(name);
    }
    response.status(500);
    throw new GridError('internal', `the bytes of blob ${hash} are gone from the disk or damaged`);
  }
  try {
    // A caller that hung up while the file was being opened: `pipeline` would throw before it cares for the file.
    if (response.destroyed) return;
    if (coding === undefined) await pump(found.bytes, response);
    else await pipeline(found.bytes, encoder(coding), response);
  } catch (thrown) {
    // A caller that goes away in the middle is no error of ours; bytes that are damaged are, and cut the answer off.
    if (!HUNG_UP.has((thrown as NodeJS.ErrnoException).code ?? '')) throw thrown;
  } finally {
    // A file that nobody closes ends the whole process when it is collected as garbage.
    found.bytes.destroy();
  }
}

/** As `pipeline`, but the memory of each chunk is given back as soon as the kernel has it. */
async function pump(bytes: AsyncIterable<Buffer>, response: Response): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const { signal } = gone;
  // Rejects when the caller goes away, which is looked at after it.
  const wait = (event: 'drain' | 'finish') => once(response, event, { signal }).catch(() => undefined);
  for await (const chunk of bytes) {
    if (!response.write(chunk, () => freeBytes(chunk))) await wait('drain');
    if (response.destroyed) return;
  }
  response.end();
  if (!response.writableFinished) await wait('finish');
}

/** How a stream says that the other side of the connection is gone. */
const HUNG_UP = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_UNABLE_TO_PIPE', 'ECONNRESET', 'EPIPE']);

/** If-None-Match compares weakly (RFC 9110, 13.1.2): coded bytes stand for the same blob. */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}

/**
 * The one part that Range asks for. Several parts, other units and what is no range are answered with all bytes, as
 * RFC 9110 (14.2) lets a server do; so is a range of what the caller has an older version of.
 * @throws GridError `bad-range`
 */
function wantedPart({ hash, size }: Named, request: Request, response: Response): Part | undefined {
  if (request.method !== 'GET') return undefined;
  const only = request.get('if-range');
  if (only !== undefined && only !== `"${hash}"`) return undefined;
  // More than there is, from the end: that is all of it (RFC 9110, 14.1.2), which the parser takes for none.
  const fromEnd = /^bytes=\s*-(\d+)$/.exec(request.get('range') ?? '')?.[1];
  if (Number(fromEnd) > size && size > 0) return undefined;
  const ranges = request.range(size);
  if (ranges === -1) {
    for (const name of ['Content-Type', 'Content-Disposition', 'ETag']) response.removeHeader(name);
    response.set('Content-Range', `bytes */${size}`);
    throw new GridError('bad-range', `There are ${size} bytes, and none of those that Range asks for.`);
  }
  if (!Array.isArray(ranges) || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  return ranges[0];
}

function describe(
  response: Response,
  { hash, size }: Named,
  { part, coding }: { part: Part | undefined; coding: CodingName | undefined },
): void {
  if (coding !== undefined) {
    // A weak one: other bytes than those without a coding, of the same meaning.
    return void response.set({ 'Content-Encoding': coding, ETag: `W/"${hash}"` });
  }
  if (part === undefined) return void response.set('Content-Length', String(size));
  response.status(206).set({
    'Content-Range': `bytes ${part.start}-${part.end}/${size}`,
    'Content-Length': String(part.end - part.start + 1),
  });
}
