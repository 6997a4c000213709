/** How errors leave a server: one shape, one place. */
import { asGridError, GridError } from '@kolejka/protocol';
import type { Request, Response } from 'express';
import { isAsking } from './serve-continue.ts';

/** How long a refused body is still listened to, so that the caller can hear the refusal before the line is cut. */
const LINGER_MS = 2000;

/** Whatever was thrown as a GridError; errors of express carry a status. */
export function fromExpress(thrown: unknown): GridError {
  if (thrown instanceof GridError) return thrown;
  const { status } = thrown as { status?: number };
  if (typeof status === 'number' && status >= 400 && status < 500) {
    // All that is left to express: a parameter in the path with a % that means nothing.
    return new GridError('bad-value', `The path is not well written: ${(thrown as Error).message}.`, { cause: thrown });
  }
  return asGridError(thrown);
}

/** Answers the error as JSON: what went wrong for people, its code for programs, the field at fault. */
export function answerError(request: Request, response: Response, error: GridError): void {
  // Half an answer cannot be taken back; the caller sees the connection break.
  if (response.headersSent) return void response.destroy();
  const message = error.code === 'internal' ? 'Something broke in the server; its log says more.' : error.message;
  const field = error.field === undefined ? {} : { field: error.field };
  const bytes = Buffer.from(JSON.stringify({ message, code: error.code, ...field, status: 'FAIL' }));
  const waitS = error.retryAfterS ?? (error.code === 'busy' ? 1 : undefined);
  if (waitS !== undefined) response.setHeader('retry-after', Math.ceil(waitS));
  if (isAsking(request)) response.setHeader('connection', 'close');
  response.writeHead(error.status, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
  // A caller that has hung up has neither a body to drop nor a socket.
  if (!request.complete && !request.destroyed) dropBody(request);
}

/** The rest of a refused body is thrown away for a while; a caller that goes on sending is cut off. */
function dropBody(request: Request): void {
  const { socket } = request;
  const timer = setTimeout(() => {
    if (!request.complete) socket.destroy();
  }, LINGER_MS);
  timer.unref();
  request.on('close', () => clearTimeout(timer));
  request.on('end', () => clearTimeout(timer));
  request.resume();
}
