/** Requests about blobs and references. */
import { z } from 'zod';
import { Blob, Reference } from '../blob.ts';
import { BlobHash, ReferenceKey, UploadId } from '../identifiers.ts';
import type { Route } from './route.ts';

/** Hashes one request may name. */
const MOST_HASHES = 10_000;
/** References one request may make: all in one write, for which everybody else waits. 500 take 20 ms, measured 2026-11. */
const MOST_REFERENCES = 500;

const hashes = (most: number) => z.object({ hashes: z.array(BlobHash).max(most) });
const deleted = z.object({ deleted: z.literal(true) });

const text = (description: string) => z.string().optional().meta({ description });

/** Headers of a download. */
const wanted = z.object({
  range: text('one part of the bytes: `bytes=0-99`; parts are not checked by the server'),
  'if-range': text('an ETag: all bytes are sent when it is another one by now'),
  'if-none-match': text('ETags the caller has; of these the bytes are not sent again'),
  'accept-encoding': text('zstd or gzip: bytes that become much smaller are sent so, gzip only up to 1 MiB'),
});

/** Headers of an upload. */
const sent = z.object({
  'content-encoding': text('zstd or gzip, of which the bytes are freed before they are hashed and stored'),
  'content-digest': text('`sha-256=:…:` of the body (RFC 9530): another body is refused'),
});

/** Any request about an upload may be the one that completes it, or find it gone. */
const UPLOAD_ERRORS = [
  'bad-value',
  'bad-body',
  'not-found',
  'wrong-offset',
  'upload-expired',
  'wrong-version',
  'upload-held',
  'too-large',
  'bytes-quota-reached',
  'no-space',
] as const;

const TUS = text('`1.0.0`');
const byUpload = z.object({ id: UploadId });
const byReference = z.object({ key: ReferenceKey });
const byBlob = z.object({ hash: BlobHash });

export const BLOB_ROUTES = {
  putReference: {
    method: 'POST',
    path: '/blob/reference/',
    may: 'blob.add_reference',
    headers: sent,
    body: 'bytes',
    answer: z.object({ reference: Reference }),
    repeatable: true,
    errors: ['bad-body', 'bad-value', 'too-large', 'bytes-quota-reached', 'no-space'],
    about: 'Stores the body as a blob, once, and makes a new reference to it.',
  },
  showReference: {
    method: 'PUT',
    path: '/blob/reference/:key/',
    may: 'user',
    params: byReference,
    answer: z.object({ reference: Reference }),
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    about: 'What is known of a reference.',
  },
  getReference: {
    method: 'GET',
    path: '/blob/reference/:key/',
    may: 'user',
    params: byReference,
    headers: wanted,
    answer: 'bytes',
    repeatable: true,
    errors: ['not-found', 'not-permitted', 'bad-range'],
    about: 'The bytes of a reference; HEAD says whether it is there.',
  },
  deleteReference: {
    method: 'DELETE',
    path: '/blob/reference/:key/',
    may: 'user',
    params: byReference,
    answer: deleted,
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    about: 'Gives a reference up. Tasks that name it keep it for as long as they are there.',
  },
  makeReferences: {
    method: 'POST',
    path: '/blob/references/',
    may: 'blob.view_blob',
    body: hashes(MOST_REFERENCES),
    answer: z.object({ references: z.array(Reference), missing: z.array(BlobHash) }),
    repeatable: true,
    errors: ['bytes-quota-reached'],
    extension: true,
    about:
      'Makes a new reference to each of the blobs, in their order, or none at all: then `missing` says which the server does not have.',
  },
  missingBlobs: {
    method: 'POST',
    path: '/blob/missing/',
    may: 'blob.view_blob',
    body: hashes(MOST_HASHES),
    answer: z.object({ missing: z.array(BlobHash) }),
    repeatable: true,
    errors: [],
    extension: true,
    about: 'Which of the blobs the server does not have.',
  },
  createUpload: {
    method: 'POST',
    path: '/blob/upload/',
    may: 'blob.add_reference',
    headers: z.object({
      'tus-resumable': TUS,
      'upload-length': text('how many bytes will come'),
      'upload-metadata': text('`sha256` with the hash in hexadecimal: other bytes are refused at the end'),
    }),
    body: 'bytes',
    answer: 'piece',
    repeatable: true,
    errors: UPLOAD_ERRORS,
    extension: true,
    about:
      'Begins an upload in pieces (tus 1.0.0: creation, creation-with-upload, expiration, termination). It may take a day; any server of the grid takes its pieces.',
  },
  showUpload: {
    method: 'GET',
    path: '/blob/upload/:id/',
    may: 'blob.add_reference',
    params: byUpload,
    headers: z.object({ 'tus-resumable': TUS }),
    answer: 'piece',
    repeatable: true,
    errors: UPLOAD_ERRORS,
    extension: true,
    about: 'How far an upload is: the next piece begins at Upload-Offset.',
  },
  continueUpload: {
    method: 'PATCH',
    path: '/blob/upload/:id/',
    may: 'blob.add_reference',
    params: byUpload,
    headers: z.object({ 'tus-resumable': TUS, 'upload-offset': text('where the piece begins') }),
    body: 'bytes',
    answer: 'piece',
    repeatable: false,
    errors: UPLOAD_ERRORS,
    extension: true,
    about: 'Adds a piece. The last one makes a blob of the upload, and answers Upload-Reference.',
  },
  deleteUpload: {
    method: 'DELETE',
    path: '/blob/upload/:id/',
    may: 'blob.add_reference',
    params: byUpload,
    headers: z.object({ 'tus-resumable': TUS }),
    answer: 'piece',
    repeatable: true,
    errors: UPLOAD_ERRORS,
    extension: true,
    about: 'Drops an upload.',
  },
  linkBlob: {
    method: 'POST',
    path: '/blob/blob/:hash/',
    may: 'blob.view_blob',
    params: byBlob,
    answer: z.object({ reference: Reference }),
    repeatable: true,
    errors: ['not-found', 'bytes-quota-reached'],
    about: 'Makes a new reference to bytes the server already has.',
  },
  showBlob: {
    method: 'PUT',
    path: '/blob/blob/:hash/',
    may: 'blob.view_blob',
    params: byBlob,
    answer: z.object({ blob: Blob }),
    repeatable: true,
    errors: ['not-found'],
    about: 'What is known of a blob.',
  },
  getBlob: {
    method: 'GET',
    path: '/blob/blob/:hash/',
    may: 'blob.view_blob',
    params: byBlob,
    headers: wanted,
    answer: 'bytes',
    repeatable: true,
    errors: ['not-found', 'bad-range'],
    about: 'The bytes of a blob.',
  },
  deleteBlob: {
    method: 'DELETE',
    path: '/blob/blob/:hash/',
    may: 'blob.delete_blob',
    params: byBlob,
    answer: deleted,
    repeatable: true,
    errors: ['not-found', 'in-use'],
    about:
      'Removes the bytes, and with them all references; tasks that have ended lose the file. Refused while another needs it.',
  },
} as const satisfies Record<string, Route>;
