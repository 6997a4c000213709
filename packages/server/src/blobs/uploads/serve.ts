/** A request of the tus protocol, answered by @tus/server; errors of ours leave as all our errors do. */
import { randomUUID } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { type ErrorCode, GridError } from '@kolejka/protocol';
import { Server } from '@tus/server';
import type { Request, Response } from 'express';
import type { Parts, User } from '../../parts.ts';
import { expireUploads } from './expire.ts';
import { openLocker } from './lock.ts';
import { UploadStore } from './store.ts';

const PATH = '/blob/upload';

/** @throws GridError what the store throws */
export async function serveUpload(parts: Parts, user: User, request: Request, response: Response): Promise<void> {
  const uploads = new UploadStore(parts, user);
  let failure: unknown;
  const tus = new Server({
    path: PATH,
    datastore: uploads,
    locker: openLocker(parts.blobs.uploads),
    maxSize: parts.settings.largest_blob,
    // Other sites' pages have no business here.
    allowedOrigins: () => false,
    namingFunction: () => randomUUID().replaceAll('-', ''),
    // What follows takes the lock of the upload.
    async onUploadCreate(_request, { id }) {
      // Whoever begins an upload clears away those that were given up.
      await expireUploads(parts);
      await uploads.makePlace(id);
      return {};
    },
    getFileIdFromRequest: () => request.path.slice(PATH.length).replaceAll('/', '') || undefined,
    // Relative: a proxy in front may have taken a prefix away.
    generateUrl: (_request, { id }) => `${id}/`,
    onResponseError(_request, error) {
      failure = error;
      return undefined;
    },
  });
  // Not the request itself: a stream of the web that is no longer read would hold it back, and the caller could neither
  // hear why a piece is refused nor send anything more on the same connection.
  const body = new PassThrough();
  request.pipe(body);
  request.once('close', () => {
    if (!request.complete) body.destroy(new GridError('bad-body', 'The body broke off.'));
  });
  const answer = await tus.handleWeb(asWebRequest(request, body)).finally(() => {
    request.unpipe(body);
    body.destroy();
    request.resume();
  });
  if (failure instanceof GridError) throw failure;
  // What is neither of ours nor of the protocol broke in the server.
  if (failure instanceof Error) throw new GridError('internal', failure.message, { cause: failure });
  if (!answer.ok) throw refusalOf(answer.status, await answer.text());
  for (const [name, value] of answer.headers) {
    // Connection and CORS are not for it to decide; it may name its own headers.
    if (!/^(access-control-|connection$)/.test(name)) response.setHeader(name, value);
  }
  const id = (answer.headers.get('location') ?? request.path.slice(PATH.length)).replaceAll('/', '');
  if (request.method !== 'DELETE') {
    const reference = await uploads.referenceOf(id);
    if (reference !== null) response.setHeader('Upload-Reference', reference);
  }
  response.status(answer.status).end(await answer.text());
}

/** Refusals of the protocol: its clients look at the status, and read the sentence to their users. */
const REFUSALS: Readonly<Record<number, ErrorCode>> = {
  404: 'not-found',
  409: 'wrong-offset',
  410: 'upload-expired',
  412: 'wrong-version',
  413: 'too-large',
  423: 'upload-held',
};

function refusalOf(status: number, sentence: string): GridError {
  return new GridError(REFUSALS[status] ?? 'bad-value', sentence.trim());
}

function asWebRequest(request: Request, bytes: Readable): globalThis.Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  // A GET is answered as the HEAD it could have been.
  const method = request.method === 'GET' ? 'HEAD' : request.method;
  const isBody = method === 'PATCH' || method === 'POST';
  const body = isBody ? { body: Readable.toWeb(bytes), duplex: 'half' } : {};
  return new globalThis.Request(`http://localhost${request.originalUrl}`, { method, headers, ...body } as RequestInit);
}
