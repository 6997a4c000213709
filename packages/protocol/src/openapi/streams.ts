/** What is answered as something else than JSON: its type, its headers, and what its requests may answer beside 200. */
import { TaskEvent } from '../life.ts';
import type { Route } from '../routes/route.ts';
import { type JsonSchema, jsonSchemaOf, type Named } from './json-schema.ts';
import type { Response } from './operation.ts';

interface Stream {
  type: string;
  schema: JsonSchema | ((named: Named) => JsonSchema);
  headers: NonNullable<Response['headers']>;
  responses: Record<string, Response>;
}

const ETAG = { description: 'the sha256 of the bytes, in quotes', schema: { type: 'string' } } as const;

const PIECE = {
  'Upload-Offset': { description: 'so many bytes are safe', schema: { type: 'integer' } },
  'Upload-Expires': { description: 'when the upload is dropped', schema: { type: 'string' } },
  'Upload-Reference': { description: 'the reference it has become, when it is whole', schema: { type: 'string' } },
} as const;

export const STREAMS = {
  bytes: {
    type: 'application/octet-stream',
    schema: {},
    headers: {
      ETag: ETAG,
      'Content-Length': { description: 'how many bytes', schema: { type: 'integer' } },
      'Content-Disposition': { description: 'inline, with a name made of the hash', schema: { type: 'string' } },
    },
    responses: {
      206: {
        description: 'The part that Range asks for.',
        headers: {
          ETag: ETAG,
          'Content-Range': { description: 'which part: `bytes 0-99/1000`', schema: { type: 'string' } },
        },
        content: { 'application/octet-stream': { schema: {} } },
      },
      304: { description: 'The caller has these bytes: If-None-Match names them.', headers: { ETag: ETAG } },
    },
  },
  events: {
    type: 'text/event-stream',
    schema: (named) => {
      jsonSchemaOf(TaskEvent, 'output', named);
      return {
        type: 'string',
        description: 'Server-sent events: `id` is the number, `event` the name, `data` a TaskEvent as JSON.',
      };
    },
    headers: {},
    responses: {},
  },
  metrics: { type: 'text/plain', schema: { type: 'string' }, headers: {}, responses: {} },
  piece: {
    type: 'text/plain',
    schema: { type: 'string' },
    headers: PIECE,
    responses: {
      201: { description: 'The upload was begun; Location is where its pieces go.', headers: PIECE },
      204: { description: 'The piece is safe, or the upload was dropped.', headers: PIECE },
    },
  },
  text: { type: 'text/html', schema: { type: 'string' }, headers: {}, responses: {} },
} as const satisfies Record<Extract<Route['answer'], string>, Stream>;
