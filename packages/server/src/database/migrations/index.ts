/** All migrations, in order. A migration that was ever published is never changed; a new one is added below. */
import { first } from './0001-first.ts';

export interface Migration {
  number: number;
  name: string;
  sql: string;
}

export const MIGRATIONS: readonly Migration[] = [first];
