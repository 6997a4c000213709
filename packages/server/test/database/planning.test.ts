import test from 'ava';
import { findUserOfToken, insertToken } from '../../src/database/logins.ts';
import { nextReady } from '../../src/database/queues.ts';
import type { Connection } from '../../src/database/store.ts';
import { openQueue } from '../queue-scene.ts';

/** better-sqlite3 makes a function of each statement's columns, and another one whenever SQLite plans it anew. */
let planned = 0;
globalThis.Function = new Proxy(globalThis.Function, {
  construct(target, given, newTarget) {
    planned += 1;
    return Reflect.construct(target, given, newTarget) as object;
  },
  apply(target, self, given) {
    planned += 1;
    return Reflect.apply(target, self, given) as unknown;
  },
});

const ROUNDS = 20;

/** Statements of every request, over a join and beside a partial index; each round asks with other values. */
const ASKED: Record<string, (db: Connection, round: number) => Promise<unknown>> = {
  findUserOfToken: (db, round) => findUserOfToken(db, `t${round}`, round),
  nextReady: (db, round) => nextReady(db, 1, round),
};

for (const [name, ask] of Object.entries(ASKED)) {
  test.serial(`${name} is planned once, whatever it is asked with`, async (t) => {
    const { put, store, holder } = await openQueue();
    for (let round = 0; round < ROUNDS; round += 1) {
      await put();
      await store.write((db) =>
        insertToken(db, { hash: `t${round}`, user: holder, label: '', expiresMs: 1000 + round }, 0),
      );
    }
    const before = planned;
    await store.read(async (db) => {
      for (let round = 0; round < ROUNDS; round += 1) t.truthy((await ask(db, round)) ?? round === ROUNDS - 1);
    });
    t.is(planned - before, 1);
  });
}
