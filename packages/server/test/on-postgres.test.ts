// The tests of routes and events once more, with servers that keep their things in PostgreSQL.
import test from 'ava';
import { openScenesOn } from './engines.ts';
import { missing } from './postgres.ts';

const FILES = [
  'events',
  ...['account', 'blob', 'output', 'queue', 'result', 'task-state', 'task', 'token'].map((noun) => `routes/${noun}`),
];

if (missing === undefined) {
  openScenesOn('PostgreSQL');
  for (const file of FILES) await import(`./${file}.test.ts`);
} else {
  test.skip('routes and events on PostgreSQL', (t) => t.pass());
}
