/** How many tasks there are, by what has become of them. */
import type { State } from '@kolejka/protocol';
import type { Connection } from './store.ts';

export async function countByState(db: Connection): Promise<Partial<Record<State, number>>> {
  const rows = await db.all<{ state: State; count: number }>('select state, count from task_counts');
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}

/** Assigned tasks by the name of the user whose foremen hold them. */
export async function countByHolder(db: Connection): Promise<Record<string, number>> {
  const rows = await db.all<{ name: string; count: number }>(
    `select users.name, count(*) as count from tasks join users on users.id = tasks.holder
     where tasks.state = 'assigned' group by users.id order by users.name`,
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

/** What of the queue is ready to be taken: request classes, queues (one for each class, user and priority), tasks. */
export async function countReady(db: Connection): Promise<{ classes: number; queues: number; tasks: number }> {
  const row = await db.get<{ classes: number; queues: number; tasks: number }>(
    `select count(distinct class) as classes, count(*) as queues, cast(coalesce(sum(ready), 0) as bigint) as tasks
     from queues where head is not null`,
  );
  return row ?? { classes: 0, queues: 0, tasks: 0 };
}

/** How many tasks of a user are ready to be taken. */
export async function countReadyOf(db: Connection, owner: number): Promise<number> {
  const row = await db.get<{ count: number }>(
    `select cast(coalesce(sum(ready), 0) as bigint) as count from queues where owner = :owner and head is not null`,
    { owner },
  );
  return row?.count ?? 0;
}
