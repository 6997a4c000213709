/** The server, from its data directory to its socket. */
import { type Clock, type Log, realClock, runLoop } from '@kolejka/program';
import { drainer } from '@kolejka/program/serve';
import type { Address } from './address.ts';
import { checkedStore } from './blobs/checked.ts';
import { openDisk, prepareDisk } from './blobs/disk.ts';
import { settleTakenAway } from './blobs/keep.ts';
import { removeStrayUploads } from './blobs/uploads/expire.ts';
import { openUploads } from './blobs/uploads/hashes.ts';
import { garbageWatch } from './blobs/watch-garbage.ts';
import { deliverCallbacks } from './callbacks/deliver.ts';
import { ceilingsIn } from './ceilings.ts';
import type { ServerSettings } from './config.ts';
import { lockDataDirectory, makeDataDirectory } from './data-directory.ts';
import { openClassBook } from './database/classes.ts';
import { followLog } from './database/follow.ts';
import type { Waits } from './database/engines/postgres.ts';
import { openStore } from './database/open.ts';
import { openApplication } from './door/application.ts';
import { type CertificateFiles, certificateWatch, readCertificate } from './door/certificate.ts';
import { listen, openDoor } from './door/listen.ts';
import { openLoginAttempts } from './door/login-attempts.ts';
import { openImages } from './images/images.ts';
import type { MESSAGES } from './messages.ts';
import { openMetrics } from './metrics/metrics.ts';
import { watchForAbsence } from './queue/absence.ts';
import { forgiveAbsence } from './queue/leases.ts';
import { openSeen } from './queue/seen.ts';
import { openWaiting } from './queue/waiting.ts';
import { leaseWatch } from './queue/watch-leases.ts';
import { openReadiness } from './ready.ts';
import { openRates } from './users/rates.ts';
import { retentionWatch } from './users/retention.ts';

export interface ServerOptions {
  settings: ServerSettings;
  log: Log<typeof MESSAGES>;
  clock?: Clock;
  /** An upload that brings nothing for so long is cut off; 60 s. */
  uploadSilenceMs?: number;
  /** How long a PostgreSQL is waited for, other than usual. */
  databaseWaits?: Waits;
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
  const { settings, closing, clock = realClock, uploadSilenceMs = 60_000 } = options;
  const metrics = openMetrics();
  const log = metrics.counting(options.log);
  const files = certificateFiles(settings);
  const certificate = files === undefined ? undefined : await readCertificate(files);
  const directory = await makeDataDirectory(settings.data);
  // Of servers that share a database any number may share the directory.
  if (settings.database === undefined) closing('lock', lockDataDirectory(directory));
  const remains = await prepareDisk(directory.blobs);
  if (remains > 0) log.say('remains removed', { count: remains });
  const store = await openStore(settings.database ?? directory.database, metrics.committed, options.databaseWaits);
  closing('database', () => store.close());
  const extended = await store.write((db) => forgiveAbsence(db, clock.now(), settings.lease));
  if (extended > 0) log.say('leases extended', { count: extended });

  const stopping = new AbortController();
  const blobs = checkedStore(openDisk(directory.blobs), (blob) => log.say('blob damaged', { blob }));
  closing('blobs', () => blobs.close());
  await settleTakenAway({ store, blobs, clock });
  await removeStrayUploads({ store, blobs, clock });
  const follow = await followLog(store, (error) => log.say('pass failed', { error }));
  const classes = openClassBook();
  const waiting = openWaiting({ store, follow, classes });
  metrics.showQueue({ store, waiting });
  const absence = watchForAbsence(clock);
  const limitBytes = ceilingsIn(settings).image;
  const images = await openImages({ settings, limitBytes, clock, log, stopping: stopping.signal });
  const parts = {
    store,
    follow,
    classes,
    seen: openSeen(),
    blobs,
    uploads: openUploads(),
    waiting,
    absence,
    clock,
    log,
    settings,
    leaseMs: settings.lease,
    images,
    metrics,
    attempts: openLoginAttempts(
      { ofUser: settings.login_attempts, ofAddress: settings.login_attempts_of_address },
      clock,
    ),
    rates: openRates(settings.rate_requests, clock),
    ready: openReadiness({ store, data: settings.data, stopping: stopping.signal, clock }),
    uploadSilenceMs,
    stopping: stopping.signal,
  };
  const failed = (error: unknown, inARow: number) => log.say('pass failed', { error, inARow });
  const watch = runLoop({ pass: leaseWatch(parts), signal: stopping.signal, failed, clock });
  closing('leases', () => {
    stopping.abort();
    return watch;
  });
  const { gc_interval: everyMs, blob_grace: graceMs } = settings;
  if (everyMs !== undefined) {
    const collecting = runLoop({
      pass: garbageWatch(parts, { everyMs, graceMs }),
      signal: stopping.signal,
      failed,
      clock,
    });
    closing('garbage', () => {
      stopping.abort();
      return collecting;
    });
  }
  const retiring = runLoop({
    pass: retentionWatch(parts, settings.keep_results),
    signal: stopping.signal,
    failed,
    clock,
  });
  closing('retention', () => {
    stopping.abort();
    return retiring;
  });
  const callbacks = deliverCallbacks(parts);
  closing('callbacks', () => {
    stopping.abort();
    return callbacks;
  });

  const server = openDoor(openApplication(parts), {
    certificate,
    mostConnections: settings.most_connections,
    dropped: (count) => log.say('connections closed', { count }),
  });
  if (files !== undefined && certificate !== undefined && 'setSecureContext' in server) {
    const pass = certificateWatch(files, certificate, {
      renewed: (renewed) => {
        server.setSecureContext(renewed);
        log.say('certificate renewed', { ...files });
      },
      refused: (error) => log.say('certificate refused', { error }),
    });
    void runLoop({ pass, signal: stopping.signal, failed, clock });
  }
  const drain = drainer(server);
  const address = await listen(server, settings.listen);
  closing('http', () => {
    stopping.abort();
    return drain(GRACE_MS);
  });
  return address;
}

function certificateFiles({ tls_cert: cert, tls_key: key }: ServerSettings): CertificateFiles | undefined {
  return cert === undefined || key === undefined ? undefined : { cert, key };
}
