import test from 'ava';
import { type Exchange, holdToDocument } from './held-to-document.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const exchange = (said: Partial<Exchange>): Exchange => ({
  method: 'GET',
  url: 'http://localhost:1/health/live/',
  sent: undefined,
  status: 200,
  headers: new Headers(JSON_TYPE),
  text: '{"status":"OK"}',
  ...said,
});

const REFERENCE = { key: 'a'.repeat(32), blob: 'b'.repeat(64), size: 1, time_create: '2026-11-22T00:27:16.136Z' };
const reference = (more: object) => ({
  url: `http://localhost:1/blob/reference/${'a'.repeat(32)}/`,
  method: 'PUT',
  text: JSON.stringify({ reference: { ...REFERENCE, ...more }, status: 'OK' }),
});

const dequeue = (sent: object) => ({
  url: 'http://localhost:1/queue/dequeue/',
  method: 'POST',
  sent: JSON.stringify(sent),
  text: '{"tasks":[],"status":"OK"}',
});

test('what the document says is held', (t) => {
  t.notThrows(() => holdToDocument(exchange({})));
  t.notThrows(() => holdToDocument(exchange(reference({ time_access: REFERENCE.time_create }))));
  t.notThrows(() => holdToDocument(exchange(dequeue({ limits: { memory: '1G', cpus: '2' }, more: 1 }))));
  t.notThrows(() => holdToDocument(exchange({ url: 'http://localhost:1/health/live' })));
});

const MISFITS: [string, Partial<Exchange>, RegExp][] = [
  ['a status that is not there', { status: 404, text: '' }, /no such answer of live/],
  ['a code that is not of the route', { status: 403, text: refusal('not-permitted') }, /one of the allowed/],
  ['a type that is not there', { headers: new Headers({ 'content-type': 'text/plain' }) }, /does not answer text/],
  ['a status that is not last', { text: '{"status":"OK","more":1}' }, /last key/],
  ['a field more', { text: '{"more":1,"status":"OK"}' }, /additional.*more/],
  ['a field of a named schema more', reference({ time_access: REFERENCE.time_create, owner: 1 }), /additional.*owner/],
  ['a field less', reference({}), /time_access/],
  ['a field of another kind', reference({ time_access: 'today' }), /\/reference\/time_access/],
  ['a path that is not there', { url: 'http://localhost:1/nothing/' }, /should be no-route/],
  ['a method that is not there', { method: 'DELETE' }, /should be no-method/],
  ['a request that was done', dequeue({ limits: { memory: 'lots' } }), /cannot be sent: \/limits/],
  [
    'an event',
    {
      url: 'http://localhost:1/task/events/',
      headers: new Headers({ 'content-type': 'text/event-stream' }),
      text: 'data: {}\n',
    },
    /an event does not fit/,
  ],
];

function refusal(code: string): string {
  return JSON.stringify({ message: 'm', code, status: 'FAIL' });
}

for (const [what, said, expected] of MISFITS) {
  test(`${what} is noticed when it does not fit`, (t) => {
    t.throws(() => holdToDocument(exchange(said)), { message: expected });
  });
}
