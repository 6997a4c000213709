/** Blobs and references: bytes in, bytes out. */
import { randomUUID } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { type BlobHash, GridError, type ReferenceKey } from '@kolejka/protocol';
import type { Request, Response } from 'express';
import type { Connection } from '../database/store.ts';
import {
  findBlob,
  findReference,
  insertReference,
  isFileFor,
  printBlob,
  printReference,
  recordBlob,
  type ReferenceRow,
} from '../database/references.ts';
import type { Parts, Some, User } from '../parts.ts';

export function blobRoutes(parts: Parts) {
  const { store, blobs, clock, settings, uploadSilenceMs } = parts;

  return {
    async putReference({ request, user }) {
      const size = announcedSize(request);
      endWhenSilent(request, uploadSilenceMs);
      const blob = await blobs.put({ bytes: request, largest: settings.largest_blob, size });
      return store.write(async (db) => {
        const now = clock.now();
        await recordBlob(db, blob, now);
        return { reference: printReference(await newReference(db, blob.hash, user, now)) };
      });
    },
    showReference: ({ params: { key }, user }) =>
      store.read(async (db) => ({ reference: printReference(await allowedReference(db, key, user)) })),
    async getReference({ params: { key }, user, request, response }) {
      const { blob, size } = await store.read((db) => allowedReference(db, key, user));
      await sendBlob(parts, { hash: blob, size }, request, response);
    },
    async linkBlob({ params: { hash }, user }) {
      // A row whose bytes are gone from the disk is not enough: the client shall upload them again.
      if (!(await blobs.has(hash))) throw unknownBlob(hash);
      return store.write(async (db) => {
        if ((await findBlob(db, hash)) === undefined) throw unknownBlob(hash);
        return { reference: printReference(await newReference(db, hash, user, clock.now())) };
      });
    },
    showBlob: ({ params: { hash } }) => store.read(async (db) => ({ blob: printBlob(await knownBlob(db, hash)) })),
    async getBlob({ params: { hash }, request, response }) {
      const { size } = await store.read((db) => knownBlob(db, hash));
      await sendBlob(parts, { hash, size }, request, response);
    },
  } satisfies Some<'putReference' | 'showReference' | 'getReference' | 'linkBlob' | 'showBlob' | 'getBlob'>;
}

/**
 * The announced length; undefined for a chunked body.
 * @throws GridError `bad-body` for bodies that are not simply the bytes
 */
function announcedSize(request: Request): number | undefined {
  if (request.get('content-type')?.toLowerCase().startsWith('multipart/') === true) {
    throw new GridError('bad-body', 'Send the bytes themselves as the body, not a multipart form.');
  }
  const encoding = request.get('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    throw new GridError('bad-body', `Send the bytes as they are, not in the encoding ${encoding.slice(0, 40)}.`);
  }
  const length = request.get('content-length');
  return length === undefined ? undefined : Number(length);
}

/** An upload may take as long as it takes, but a caller that fell silent may not keep its line and file for ever. */
function endWhenSilent(request: Request, milliseconds: number): void {
  request.setTimeout(milliseconds, () => {
    // Silence after the last byte is ours: the disk is at work.
    if (request.complete) return;
    request.destroy(new GridError('bad-body', `Nothing came of the body for ${milliseconds / 1000} s.`));
  });
}

function newReference(db: Connection, blob: BlobHash, user: User, now: number): Promise<ReferenceRow> {
  const key = randomUUID().replaceAll('-', '') as ReferenceKey;
  return insertReference(db, { key, blob, owner: user.id }, now);
}

/** The reference, when it is the user's, when the user may see all, or when it is a file of a task the user runs. */
async function allowedReference(db: Connection, key: ReferenceKey, user: User): Promise<ReferenceRow> {
  const row = await findReference(db, key);
  if (row === undefined) throw new GridError('not-found', `There is no reference ${key}.`);
  const isOpen = row.owner === user.id || user.permissions.has('blob.view_reference');
  if ((isOpen && row.deleted_ms === null) || (await isFileFor(db, key, user.id))) return row;
  if (row.deleted_ms !== null) throw new GridError('not-found', `There is no reference ${key}.`);
  throw new GridError('not-permitted', 'This reference is of another user.');
}

async function knownBlob(db: Connection, hash: BlobHash) {
  const row = await findBlob(db, hash);
  if (row === undefined) throw unknownBlob(hash);
  return row;
}

function unknownBlob(hash: BlobHash): GridError {
  return new GridError('not-found', `There is no blob ${hash}.`);
}

async function sendBlob(
  { blobs }: Parts,
  { hash, size }: { hash: BlobHash; size: number },
  request: Request,
  response: Response,
): Promise<void> {
  response.set({
    'Content-Type': 'application/octet-stream',
    'Content-Length': String(size),
    // The original puts blobs three directories deep and shows what is left of the name.
    'Content-Disposition': `inline; filename="${hash.slice(6)}"`,
    ETag: `"${hash}"`,
  });
  if (request.fresh) {
    response.removeHeader('Content-Length');
    return void response.status(304).end();
  }
  if (request.method === 'HEAD') return void response.end();
  const found = await blobs.get(hash);
  if (found === undefined || found.size !== size) {
    found?.bytes.destroy();
    for (const name of response.getHeaderNames()) if (/^(content-|etag)/.test(name)) response.removeHeader(name);
    throw new GridError('internal', `the bytes of blob ${hash} are gone from the disk or damaged`);
  }
  try {
    // A caller that hung up while the file was being opened: `pipeline` would throw before it cares for the file.
    if (!response.destroyed) await pipeline(found.bytes, response);
  } catch (thrown) {
    // A caller that goes away in the middle is no error of ours; bytes that are damaged are, and cut the answer off.
    if (!HUNG_UP.has((thrown as NodeJS.ErrnoException).code ?? '')) throw thrown;
  } finally {
    // A file that nobody closes ends the whole process when it is collected as garbage.
    found.bytes.destroy();
  }
}

/** How a stream says that the other side of the connection is gone. */
const HUNG_UP = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_UNABLE_TO_PIPE', 'ECONNRESET', 'EPIPE']);
