import test from 'ava';
import { countByHolder, countByState, countReadyOf } from '../../src/database/counts.ts';
import { eventsAfter, newestEvent, storyOf } from '../../src/database/events.ts';
import { openStore } from '../../src/database/open.ts';
import {
  hasReady,
  isPauseOver,
  nextReady,
  type Queue,
  queuesWithReady,
  readyHeads,
} from '../../src/database/queues.ts';
import { isFileFor } from '../../src/database/references.ts';
import { hasOldKey } from '../../src/database/idempotency.ts';
import { hasOldNote, wasRemoved } from '../../src/database/removal.ts';
import { sharePerUser } from '../../src/database/shares.ts';
import type { Connection } from '../../src/database/store.ts';
import { stateOfTask } from '../../src/database/task-states.ts';
import {
  assignedBefore,
  endedBefore,
  expiredLeases,
  findTask,
  findTaskByNumber,
  readBody,
} from '../../src/database/tasks.ts';
import { openQueue } from '../queue-scene.ts';

/** What is asked at every dequeue, every second, or by every reader; none may look at more rows than it answers. */
const QUERIES: Record<string, (db: Connection) => unknown> = {
  queuesWithReady,
  readyHeads,
  hasReady: (db) => hasReady(db, 1),
  isPauseOver: (db) => isPauseOver(db, 1),
  nextReady: (db) => nextReady(db, 1, 0),
  sharePerUser: (db) => sharePerUser(db, 1),
  readBody: (db) => readBody(db, { number: 1 }).catch(() => undefined),
  assignedBefore: (db) => assignedBefore(db, 1, 10),
  expiredLeases: (db) => expiredLeases(db, 1, 10),
  findTask: (db) => findTask(db, 'x'),
  findTaskByNumber: (db) => findTaskByNumber(db, 1),
  'eventsAfter of a task': (db) => eventsAfter(db, { task: 1 }, 0, 10),
  'eventsAfter of a user': (db) => eventsAfter(db, { owner: 1 }, 0, 10),
  'eventsAfter of all': (db) => eventsAfter(db, 'all', 0, 10),
  newestEvent,
  endedBefore: (db) => endedBefore(db, 1, 10),
  hasOldKey: (db) => hasOldKey(db, 1),
  hasOldNote: (db) => hasOldNote(db, 1),
  countReadyOf: (db) => countReadyOf(db, 1),
  wasRemoved: (db) => wasRemoved(db, 'x'),
  stateOfTask: (db) => stateOfTask(db, 1).catch(() => undefined),
  storyOf: (db) => storyOf(db, 1),
  isFileFor: (db) => isFileFor(db, '' as never, 1),
  countByState,
  countByHolder,
};

/** Reading such an index is reading what is asked for: it has no other rows. */
const FITTING =
  /USING (COVERING )?INDEX (queues_with_ready|tasks_assigned|tasks_held_back)|^SCAN (task_counts|shares)$/;

for (const [name, ask] of Object.entries(QUERIES)) {
  test(`${name} looks only at the rows it needs`, async (t) => {
    const store = await openStore(':memory:');
    await store.read(async (db) => {
      const explain = async (sql: string, values = {}) => {
        for (const { detail } of await db.all<{ detail: string }>(`explain query plan ${sql}`, values)) {
          if (detail.startsWith('SCAN')) t.regex(detail, FITTING);
          if (detail.startsWith('SEARCH tasks')) t.notRegex(detail, /\(state=\?\)/);
        }
      };
      let asked = 0;
      const count = async (sql: string, values = {}) => {
        asked += 1;
        await explain(sql, values);
      };
      await ask({
        ...db,
        all: async (sql, values) => {
          await count(sql, values);
          return [];
        },
        get: async (sql, values) => {
          await count(sql, values);
          return undefined;
        },
      });
      t.is(asked, 1);
    });
  });
}

test('choosing reads nothing of a task but its entry in the index', async (t) => {
  const store = await openStore(':memory:');
  const plan = await store.read(async (db) => {
    const seen: string[] = [];
    const get = async (sql: string, values = {}) => {
      const rows = await db.all<{ detail: string }>(`explain query plan ${sql}`, values);
      seen.push(...rows.map(({ detail }) => detail));
      return undefined;
    };
    await nextReady({ ...db, get }, 1, 0);
    return seen;
  });
  t.is(plan.length, 1);
  t.regex(plan[0] ?? '', /^SEARCH tasks USING COVERING INDEX tasks_ready/);
});

test('what the triggers count is what there is', async (t) => {
  const { put, take, store } = await openQueue();
  for (let count = 0; count < 5; count += 1) await put();
  await take({ most: 2 });
  t.deepEqual(await store.read(countByState), { assigned: 2, pending: 3 });
  t.deepEqual(await store.read(countByHolder), { foreman: 2 });
  const [queue] = await store.read((db) => db.all<Queue>('select ready, head from queues'));
  t.deepEqual(queue, { ready: 3, head: 3 });
});
