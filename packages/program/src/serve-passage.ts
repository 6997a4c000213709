/**
 * A request on its way through the server, as those see it who watch: logs, metrics.
 *
 * What is known of it grows from station to station; `began` is told when its route is known, `ended` when its answer is
 * complete or its caller has gone, and also for requests that fit no route.
 */
import type { Socket } from 'node:net';
import type { GridError } from '@kolejka/protocol';
import type { NextFunction, Request, Response } from 'express';

export interface Passage<Who> {
  request: Request;
  response: Response;
  /** Its connection; the request forgets it when it is gone. */
  socket: Socket;
  /** Name of the route in the table. */
  route?: string;
  user?: Who;
  /** Why it was refused, or what broke. */
  error?: GridError;
  /** Milliseconds since its headers were read. */
  tookMs: () => number;
}

export interface Watcher<Who> {
  began?: (passage: Passage<Who>) => void;
  ended?: (passage: Passage<Who>) => void;
}

/** Where the passage stands on its request. What is in a WeakMap is kept until the next whole garbage collection. */
const PASSAGE = Symbol('passage');

interface Noted<Who> {
  [PASSAGE]?: Passage<Who>;
}

/** What the stations note of each request; `open` is the first station. */
export function openPassages<Who>(watchers: readonly Watcher<Who>[]) {
  function open(request: Request, response: Response, next: NextFunction): void {
    const beganMs = performance.now();
    const passage: Passage<Who> = {
      request,
      response,
      socket: request.socket,
      tookMs: () => performance.now() - beganMs,
    };
    (request as Noted<Who>)[PASSAGE] = passage;
    response.on('close', () => {
      for (const watcher of watchers) watcher.ended?.(passage);
    });
    next();
  }

  function note(request: Request, known: Pick<Passage<Who>, 'route' | 'user' | 'error'>): void {
    const passage = (request as Noted<Who>)[PASSAGE];
    if (passage === undefined) return;
    Object.assign(passage, known);
    if (known.route === undefined) return;
    for (const watcher of watchers) watcher.began?.(passage);
  }

  return { open, note };
}
