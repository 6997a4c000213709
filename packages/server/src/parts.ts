/** What the routes work with. */
import type { Clock, Log } from '@kolejka/program';
import type { Caller, ExchangeOf, Handlers } from '@kolejka/program/serve';
import type { RouteName } from '@kolejka/protocol';
import type { BlobStore } from './blobs/store.ts';
import type { Uploads } from './blobs/uploads/hashes.ts';
import type { ServerSettings } from './config.ts';
import type { ClassBook } from './database/classes.ts';
import type { Follow } from './database/follow.ts';
import type { Store } from './database/store.ts';
import type { Images } from './images/images.ts';
import type { LoginAttempts } from './door/login-attempts.ts';
import type { MESSAGES } from './messages.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Absence } from './queue/absence.ts';
import type { Seen } from './queue/seen.ts';
import type { Waiting } from './queue/waiting.ts';
import type { Rates } from './users/rates.ts';

export interface Parts {
  store: Store;
  follow: Follow;
  classes: ClassBook;
  blobs: BlobStore;
  uploads: Uploads;
  waiting: Waiting;
  seen: Seen;
  absence: Absence;
  clock: Clock;
  log: Log<typeof MESSAGES>;
  settings: ServerSettings;
  images: Images;
  metrics: Metrics;
  attempts: LoginAttempts;
  rates: Rates;
  /** Resolves when the server can do its work. Throws GridError `not-ready` with the reason. */
  ready: () => Promise<void>;
  /** Length of a lease that is renewed by heartbeat, in milliseconds. */
  leaseMs: number;
  /** An upload that brings nothing for so long is cut off. */
  uploadSilenceMs: number;
  /** Aborted when the server stops: what waits must end. */
  stopping: AbortSignal;
}

/** Who asks. */
export interface User extends Caller {
  id: number;
  name: string;
  /** Most tasks that wait; null is what the settings say. */
  quotaPending: number | null;
}

/** What a handler of the route gets. */
export type Asked<Name extends RouteName> = ExchangeOf<Name, User>;

/** Handlers of some routes of the table. */
export type Some<Name extends RouteName> = Pick<Handlers<User>, Name>;
