/** The server, from its data directory to its socket. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, type Log, realClock, runLoop } from '@kolejka/program';
import { drainer, mountRoutes } from '@kolejka/program/serve';
import { ERRORS, GridError, ROUTES } from '@kolejka/protocol';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { identify } from './access.ts';
import { type Address, printAddress } from './address.ts';
import { checkedStore } from './blobs/checked.ts';
import { openDisk, prepareDisk } from './blobs/disk.ts';
import { ceilingsIn } from './ceilings.ts';
import type { ServerSettings } from './config.ts';
import { lockDataDirectory, makeDataDirectory } from './data-directory.ts';
import { openClassBook } from './database/classes.ts';
import { followLog } from './database/follow.ts';
import { openStore } from './database/open.ts';
import { openImages } from './images/images.ts';
import type { MESSAGES } from './messages.ts';
import { mountDocuments } from './openapi/mount.ts';
import type { Parts } from './parts.ts';
import { watchForAbsence } from './queue/absence.ts';
import { forgiveAbsence } from './queue/leases.ts';
import { openWaiting } from './queue/waiting.ts';
import { leaseWatch } from './queue/watch-leases.ts';
import { allRoutes } from './routes/index.ts';

export interface ServerOptions {
  settings: ServerSettings;
  log: Log<typeof MESSAGES>;
  clock?: Clock;
  /** An upload that brings nothing for so long is cut off; 60 s. */
  uploadSilenceMs?: number;
  /** Has something to close at the end; the last opened is closed first. */
  closing: (name: string, close: () => unknown) => void;
}

/** How long requests under way have when the server stops. */
const GRACE_MS = 10_000;

/**
 * Opens everything and begins to listen.
 * @returns where it listens
 * @throws GridError `bad-config`: the directory or the port cannot be had
 */
export async function openServer(options: ServerOptions): Promise<Address> {
  const { settings, log, closing, clock = realClock, uploadSilenceMs = 60_000 } = options;
  const directory = await makeDataDirectory(settings.data);
  // Of servers that share a database any number may share the directory.
  if (settings.database === undefined) closing('lock', lockDataDirectory(directory));
  const remains = await prepareDisk(directory.blobs);
  if (remains > 0) log.say('remains removed', { count: remains });
  const store = await openStore(settings.database ?? directory.database);
  closing('database', () => store.close());
  const extended = await store.write((db) => forgiveAbsence(db, clock.now()));
  if (extended > 0) log.say('leases extended', { count: extended });

  const stopping = new AbortController();
  const blobs = checkedStore(openDisk(directory.blobs), (blob) => log.say('blob damaged', { blob }));
  const follow = await followLog(store, (error) => log.say('pass failed', { error }));
  const classes = openClassBook();
  const waiting = openWaiting({ store, follow, classes });
  const absence = watchForAbsence(clock);
  const limitBytes = ceilingsIn(settings).image;
  const images = await openImages({ settings, limitBytes, clock, log, stopping: stopping.signal });
  const parts = {
    store,
    follow,
    classes,
    blobs,
    waiting,
    absence,
    clock,
    log,
    settings,
    images,
    uploadSilenceMs,
    stopping: stopping.signal,
  };
  const failed = (error: unknown, inARow: number) => log.say('pass failed', { error, inARow });
  const watch = runLoop({ pass: leaseWatch(parts), signal: stopping.signal, failed, clock });
  closing('leases', () => {
    stopping.abort();
    return watch;
  });

  const server = http.createServer(application(parts));
  // Uploads may take as long as they take, as long as something comes; headers and other bodies may not.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 65_000;
  const drain = drainer(server);
  const address = await listen(server, settings.listen);
  closing('http', () => {
    stopping.abort();
    return drain(GRACE_MS);
  });
  return address;
}

function application(parts: Parts): Express {
  const app = express();
  app.set('query parser', 'simple');
  app.use(nameRequest);
  mountDocuments(app);
  mountRoutes(app, {
    routes: ROUTES,
    handlers: allRoutes(parts),
    identify: (request) => identify(parts, request),
    largestBody: parts.settings.largest_body,
    failed: (error, request) => noteError(parts, error, request),
  });
  return app;
}

/** The original's headers, and a name by which the request is found in the log. */
function nameRequest(_request: Request, response: Response, next: NextFunction): void {
  response.set({
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    Vary: 'Cookie',
    'X-Request-Id': randomUUID(),
  });
  next();
}

function noteError({ log }: Parts, error: GridError, request: Request): void {
  const { fault } = ERRORS[error.code];
  const { method, path } = request;
  const fields = { request: request.res?.get('X-Request-Id'), method, path: path.slice(0, 200), code: error.code };
  if (fault === 'ours') log.say('request failed', { ...fields, error: error.cause ?? error });
  else log.say('request refused', { ...fields, message: error.message });
}

async function listen(server: http.Server, wanted: Address): Promise<Address> {
  server.listen(wanted.port, wanted.host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'EADDRINUSE' ? 'another program listens there; choose another port' : code;
    throw new GridError('bad-config', `Cannot listen on ${printAddress(wanted)}: ${why}.`, { cause });
  }
  const { address, port } = server.address() as AddressInfo;
  return { host: address, port };
}
