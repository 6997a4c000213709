/** Where a request comes from, as far as proxies are trusted. Looked at once: a request forgets its connection when that ends. */
import type { NextFunction, Request, Response } from 'express';

export interface Origin {
  /** Address of the caller, or of the last proxy that is not trusted. */
  address: string;
  /** It came over TLS, here or at a trusted proxy. */
  isSecure: boolean;
  /** A proxy says that it stands in for somebody else, and is not trusted. */
  isForwarded: boolean;
}

/** Where it stands on its request. What is in a WeakMap is kept until the next whole garbage collection. */
const ORIGIN = Symbol('origin');

type Noted = Request & { [ORIGIN]?: Origin };

/** Goes before everything that asks. */
export function noteOrigin(request: Noted, _response: Response, next: NextFunction): void {
  request[ORIGIN] = { address: request.ip ?? '', isSecure: request.secure, isForwarded: isForwarded(request) };
  next();
}

export function originOf(request: Noted): Origin {
  return request[ORIGIN] ?? { address: '', isSecure: false, isForwarded: false };
}

function isForwarded({ headers, ips }: Request): boolean {
  const says = headers['x-forwarded-for'] ?? headers['forwarded'] ?? headers['x-real-ip'];
  // Of what a trusted proxy says, express has made `ips`.
  return says !== undefined && ips.length === 0;
}
