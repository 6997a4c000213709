/** The event log: one numbered row for every move of a task. Streams, waiting foremen and statistics read it. */
import type { EventName, ForemanName, TaskEvent, TaskId } from '@kolejka/protocol';
import type { Connection } from './store.ts';
import type { TaskRow } from './tasks.ts';

interface EventRow {
  number: number;
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
    `insert into events (task, event, attempt, foreman, time_ms, message)
     values (:task, :event, :attempt, :foreman, :now, :message)`,
    { task: task.number, event, attempt: task.attempt, foreman, now, message },
  );
}

/** Events of a task with a number above `after`, oldest first. */
export async function eventsAfter(
  db: Connection,
  task: { number: number; id: TaskId },
  after: number,
  most: number,
): Promise<TaskEvent[]> {
  const rows = await db.all<EventRow>(
    `select number, event, attempt, foreman, time_ms, message from events
       where task = :task and number > :after order by number limit :most`,
    { task: task.number, after, most },
  );
  return rows.map(({ number, event, attempt, foreman, time_ms, message }) => ({
    number,
    task: task.id,
    event,
    attempt,
    foreman,
    time: new Date(time_ms).toISOString(),
    message,
  }));
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
