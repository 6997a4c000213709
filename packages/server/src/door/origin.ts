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

const origins = new WeakMap<Request, Origin>();

/** Goes before everything that asks. */
export function noteOrigin(request: Request, _response: Response, next: NextFunction): void {
  origins.set(request, { address: request.ip ?? '', isSecure: request.secure, isForwarded: isForwarded(request) });
  next();
}

export function originOf(request: Request): Origin {
  return origins.get(request) ?? { address: '', isSecure: false, isForwarded: false };
}

function isForwarded({ headers, ips }: Request): boolean {
  const says = headers['x-forwarded-for'] ?? headers['forwarded'] ?? headers['x-real-ip'];
  // Of what a trusted proxy says, express has made `ips`.
  return says !== undefined && ips.length === 0;
}
