/** How many tasks go before a task, by the rules of choosing (`dequeue.ts`). */
import { priorityOf, readyBefore } from '../database/queues.ts';
import { sharePerUser, UNUSED } from '../database/shares.ts';
import type { Connection } from '../database/store.ts';
import type { TaskRow } from '../database/tasks.ts';
import type { Ahead } from './explain.ts';

/** Counts ready tasks. Of the same user's other wishes as urgent as this, those whose oldest is older are counted. */
export async function countAhead(
  db: Connection,
  task: Pick<TaskRow, 'number' | 'queue' | 'owner'>,
  now: number,
): Promise<Ahead> {
  const priority = await priorityOf(db, task.queue);
  const shares = await sharePerUser(db, now);
  const useOf = (owner: number) => (shares.get(owner) ?? UNUSED).use;
  const ahead = { own: 0, others: 0 };
  for (const queue of await readyBefore(db, task)) {
    if (queue.priority < priority) continue;
    const isHigher = queue.priority > priority;
    if (queue.owner === task.owner) {
      if (isHigher || queue.head < task.number) ahead.own += queue.ready;
    } else if (isHigher || useOf(queue.owner) < useOf(task.owner)) {
      ahead.others += queue.ready;
    }
  }
  return ahead;
}
