/** The part of the load that uploads in pieces by the tus protocol, and goes on where the server says it is. */
import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobHash, ReferenceKey } from '@kolejka/protocol';
import type { Worker } from './uploads.ts';

const TUS = { 'tus-resumable': '1.0.0' };
const PIECE = { ...TUS, 'content-type': 'application/offset+octet-stream' };

/** Begins an upload and brings it to its end, whatever happens in between. What was acknowledged of it may not shrink. */
export async function uploadInPieces({ line, told, random, token }: Worker): Promise<void> {
  const bytes = random.bytes(random.whole(random.chance(0.2) ? 3_000_000 : 20_000));
  const created = await line.ask('/blob/upload/', {
    token,
    method: 'POST',
    headers: { ...TUS, 'upload-length': `${bytes.length}` },
  });
  if (created === undefined) return;
  const place = `/blob/upload/${created.headers.get('location') ?? ''}`;
  if (created.status !== 201) return void told.wrong.push(`an upload was begun with ${created.said}`);
  let offset = 0;
  let reference = created.headers.get('upload-reference');
  while (reference === null) {
    const piece = bytes.subarray(offset, offset + 1 + random.whole(bytes.length - offset));
    const body = random.chance(0.2) ? brokenOff(piece) : piece;
    const headers = { ...PIECE, 'upload-offset': `${offset}` };
    const added = await line.ask(place, { token, method: 'PATCH', headers, body });
    // The request before may still be at work, or have got further than was heard of: then the server is asked.
    const reply = added?.status === 204 ? added : await line.insist(place, { token, method: 'HEAD', headers: TUS });
    if (reply.status === 423) {
      await sleep(20);
      continue;
    }
    const safe = Number(reply.headers.get('upload-offset') ?? Number.NaN);
    if (reply.status >= 300 || !(safe >= offset && safe <= bytes.length)) {
      return void told.wrong.push(`an upload that was at ${offset} of ${bytes.length} is at ${safe}: ${reply.said}`);
    }
    offset = safe;
    reference = reply.headers.get('upload-reference');
    if (offset === bytes.length && reference === null) {
      return void told.wrong.push(`an upload that is whole has become no reference: ${reply.said}`);
    }
  }
  told.references.set(reference as ReferenceKey, hash('sha256', bytes) as BlobHash);
}

/** Half of the piece; then the client is gone. */
function brokenOff(piece: Uint8Array): ReadableStream<Uint8Array> {
  return ReadableStream.from(
    (async function* half() {
      yield piece.subarray(0, piece.length >> 1);
      await sleep(5);
      throw new Error('the client is gone');
    })(),
  );
}
