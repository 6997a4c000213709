/** What is answered where no route fits. */
import { GridError, type Route } from '@kolejka/protocol';
import type { NextFunction, Request, Response } from 'express';

/**
 * No path of ours has a `.` or `..` in it, and whoever sends one tries to get out of a directory: a client or proxy that
 * heeds RFC 3986, 5.2.4, takes them away before it sends the path.
 */
export function refuseDots(request: Request, _response: Response, next: NextFunction): void {
  if (!/\/\.\.?(\/|$)/.test(request.path)) return next();
  next(new GridError('bad-value', 'The path has a part that is . or ..: name what is meant.', { field: 'path' }));
}

/**
 * The original answers 301 to a path without its last slash.
 *
 * The answer names only the last part of the path: a proxy in front may have taken a prefix away that the caller has
 * to send again. (It leads to no other host either, whatever the path begins with.)
 */
export function redirectToSlash(request: Request, response: Response, next: NextFunction): void {
  if (request.path.endsWith('/')) return next();
  const [, pathname = '', search = ''] = /^([^?]*)(.*)$/s.exec(request.originalUrl) ?? [];
  response.redirect(301, `./${pathname.slice(pathname.lastIndexOf('/') + 1)}/${search}`);
}

/** Answers 405 where another method would do, else 404. */
export function refuseMethod(routes: Record<string, Route>) {
  const patterns = Object.values(routes).map(({ method, path }) => ({
    methods: method === 'GET' ? ['GET', 'HEAD'] : [method],
    pattern: new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`),
  }));
  return (request: Request, response: Response, next: NextFunction) => {
    const allowed = patterns.filter(({ pattern }) => pattern.test(request.path)).flatMap(({ methods }) => methods);
    if (allowed.length === 0)
      return next(new GridError('no-route', `There is nothing at ${request.path.slice(0, 200)}.`));
    response.set('Allow', [...new Set(allowed)].join(', '));
    next(new GridError('no-method', `${request.method} is not possible here.`));
  };
}
