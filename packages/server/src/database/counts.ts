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
