/**
 * Callers that ask before they send a body (`Expect: 100-continue`) are told to go on when they may send it, not before.
 *
 * Left alone, node tells them at once, and a gigabyte of whoever may not is sent to be thrown away.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Requests whose callers wait. */
const asking = new WeakSet<IncomingMessage>();

/** For a server whose application calls `goOn` where a body is wanted. */
export function heedExpectations(server: Server): void {
  server.on('checkContinue', (request, response) => {
    asking.add(request);
    server.emit('request', request, response);
  });
}

/** The body may come. */
export function goOn(request: IncomingMessage, response: ServerResponse): void {
  if (asking.delete(request)) response.writeContinue();
}

/** Does the caller still wait for a word? Then it sends either its body or its next request, and nobody can tell which. */
export function isAsking(request: IncomingMessage): boolean {
  return asking.has(request);
}
