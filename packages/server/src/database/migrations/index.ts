/** All migrations, in order. A migration that was ever published is never changed; a new one is added below. */
import { first } from './0001-first.ts';
import { queues } from './0002-queues.ts';
import { blobs } from './0003-blobs.ts';
import { accounts } from './0004-accounts.ts';
import { callbacks } from './0005-callbacks.ts';
import { keptRooms } from './0006-kept-rooms.ts';
import { output } from './0007-output.ts';

/** The same change for each engine; afterwards both have the same tables with the same columns. */
export interface Migration {
  number: number;
  name: string;
  sqlite: string;
  postgres: string;
}

export const MIGRATIONS: readonly Migration[] = [first, queues, blobs, accounts, callbacks, keptRooms, output];
