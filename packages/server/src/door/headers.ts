/** Headers of every answer: those of the original, and what keeps a browser from doing more than it was told to. */
import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import { originOf } from './origin.ts';

/** What a page of ours may load: things of its own, as the page of the API documents does; icons in it are data. */
const CONTENT = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
};

const COMMON = {
  contentSecurityPolicy: CONTENT,
  xFrameOptions: { action: 'deny' },
  referrerPolicy: { policy: 'same-origin' },
} as const;

const plain = helmet({ ...COMMON, strictTransportSecurity: false });
// A year, without subdomains: the others may be served by others.
const secure = helmet({ ...COMMON, strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false } });

/** No CORS anywhere: no page of another site may read an answer. */
export function setHeaders(request: Request, response: Response, next: NextFunction): void {
  // What depends on who asks must not be kept for others.
  response.set('Vary', 'Cookie');
  (originOf(request).isSecure ? secure : plain)(request, response, next);
}

const WELL_FORMED = /^[\w.:-]{1,128}$/;

/** A name by which the request is found in the log: that of a trusted proxy, so that its log fits ours, or a new one. */
export function nameRequest(isTrusted: (address: string) => boolean) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const given = request.get('x-request-id') ?? '';
    const keep = WELL_FORMED.test(given) && isTrusted(request.socket.remoteAddress ?? '');
    response.set('X-Request-Id', keep ? given : randomUUID());
    next();
  };
}

/** The name of the request that is answered. */
export function requestName(response: Response | undefined): string | undefined {
  return response?.get('X-Request-Id');
}
