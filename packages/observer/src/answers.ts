/** How requests are answered: small, and in one piece. */
import type { ServerResponse } from 'node:http';
import { type GridError, OBSERVER_CONTENT_TYPE } from '@kolejka/protocol';

/** Head and body leave in one write, and small: some programs read once, at most 1024 bytes. */
export function sendAnswer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.sendDate = false;
  response.writeHead(status, { 'Content-Type': OBSERVER_CONTENT_TYPE, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}

/** What a refused request is told; of what broke here only that it did. */
export function errorBody(error: GridError): object {
  const message = error.code === 'internal' ? 'Something broke in the observer; its log says more.' : error.message;
  return { message, code: error.code, status: 'error' };
}

/** The answer to what could not be parsed, as it goes over the wire. */
export function rawRefusal(error: GridError): string {
  const text = JSON.stringify(errorBody(error));
  const head = [
    `HTTP/1.1 ${error.status} Bad Request`,
    'Connection: close',
    `Content-Type: ${OBSERVER_CONTENT_TYPE}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${text}`;
}
