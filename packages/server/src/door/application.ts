/** The application: what is done with every request before and around its route. */
import { mountRoutes } from '@kolejka/program/serve';
import { ROUTES } from '@kolejka/protocol';
import express, { type Express } from 'express';
import { identify } from '../access.ts';
import { mountDocuments } from '../openapi/mount.ts';
import type { Parts } from '../parts.ts';
import { allRoutes } from '../routes/index.ts';
import { nameRequest, setHeaders } from './headers.ts';
import { noteOrigin } from './origin.ts';
import { errorLog, requestLog } from './request-log.ts';

export function openApplication(parts: Parts): Express {
  const { log, settings, metrics } = parts;
  const app = express();
  app.set('query parser', 'simple');
  app.set('trust proxy', settings.trusted_proxies);
  const isTrusted = app.get('trust proxy fn') as (address: string, hop: number) => boolean;
  app.use(noteOrigin);
  app.use(nameRequest((address) => isTrusted(address, 0)));
  app.use(setHeaders);
  mountDocuments(app);
  mountRoutes(app, {
    routes: ROUTES,
    handlers: allRoutes(parts),
    identify: (request) => identify(parts, request),
    largestBody: settings.largest_body,
    failed: errorLog(log),
    watchers: [metrics.watcher, requestLog(log)],
  });
  return app;
}
