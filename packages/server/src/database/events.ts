/** The event log: one numbered row for every move of a task. Streams, waiting foremen and statistics read it. */
import type { EventName, ForemanName, TaskEvent, TaskId } from '@kolejka/protocol';
import type { Connection } from './store.ts';
import type { TaskRow } from './tasks.ts';

interface EventRow {
  number: number;
  id: TaskId;
  event: EventName;
  attempt: number;
  foreman: ForemanName | null;
  time_ms: number;
  message: string | null;
}

/** Writes the event of a move that has just been made; `task` is as it is after the move. */
export async function appendEvent(
  db: Connection,
  task: TaskRow,
  event: EventName,
  { now, foreman, message }: { now: number; foreman: ForemanName | null; message: string | null },
): Promise<void> {
  await db.run(
    `insert into events (task, owner, event, attempt, foreman, time_ms, message)
     values (:task, :owner, :event, :attempt, :foreman, :now, :message)`,
    { task: task.number, owner: task.owner, event, attempt: task.attempt, foreman, now, message },
  );
}

/** Of which tasks: of one, of all of a user, of all. */
export type Of = { task: number } | { owner: number } | 'all';

/** Events with a number above `after`, oldest first. */
export async function eventsAfter(db: Connection, of: Of, after: number, most: number): Promise<TaskEvent[]> {
  const [where, values] =
    of === 'all' ? ['', {}] : 'task' in of ? ['events.task = :task and', of] : ['events.owner = :owner and', of];
  const rows = await db.all<EventRow>(
    `select events.number, coalesce(tasks.id, events.task_id) as id, events.event, events.attempt, events.foreman,
       events.time_ms, events.message
     from events left join tasks on tasks.number = events.task
     where ${where} events.number > :after order by events.number limit :most`,
    { ...values, after, most },
  );
  return rows.map(({ number, id, event, attempt, foreman, time_ms, message }) => ({
    number,
    task: id,
    event,
    attempt,
    foreman,
    time: new Date(time_ms).toISOString(),
    message,
  }));
}

/** The number of the newest event; 0 when there was none yet. */
export async function newestEvent(db: Connection): Promise<number> {
  const row = await db.get<{ number: number | null }>('select max(number) as number from events');
  return row?.number ?? 0;
}

/** What the log has to say about how the task was lost or ended, one sentence each, oldest first. */
export async function storyOf(db: Connection, task: number): Promise<string[]> {
  const rows = await db.all<{ message: string }>(
    `select message from events where task = :task and message is not null
       and event in ('lost', 'failed', 'cancelled') order by number`,
    { task },
  );
  return rows.map(({ message }) => message);
}
