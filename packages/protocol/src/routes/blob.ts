/** Requests about blobs and references. */
import { z } from 'zod';
import { Blob, Reference } from '../blob.ts';
import { BlobHash, ReferenceKey } from '../identifiers.ts';
import type { Route } from './route.ts';

const byReference = z.object({ key: ReferenceKey });
const byBlob = z.object({ hash: BlobHash });

export const BLOB_ROUTES = {
  putReference: {
    method: 'POST',
    path: '/blob/reference/',
    may: 'blob.add_reference',
    body: 'bytes',
    answer: z.object({ reference: Reference }),
    repeatable: true,
    errors: ['bad-body', 'too-large'],
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
    answer: 'bytes',
    repeatable: true,
    errors: ['not-found', 'not-permitted'],
    about: 'The bytes of a reference; HEAD says whether it is there.',
  },
  linkBlob: {
    method: 'POST',
    path: '/blob/blob/:hash/',
    may: 'blob.view_blob',
    params: byBlob,
    answer: z.object({ reference: Reference }),
    repeatable: true,
    errors: ['not-found'],
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
    answer: 'bytes',
    repeatable: true,
    errors: ['not-found'],
    about: 'The bytes of a blob.',
  },
} as const satisfies Record<string, Route>;
