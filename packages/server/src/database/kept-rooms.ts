/** Which foreman keeps its room for which task. Rows of tasks that wait no more are of no account, and are removed now and then. */
import type { ForemanName } from '@kolejka/protocol';
import type { Connection } from './store.ts';

export interface KeptRoom {
  task: number;
  holder: number;
  foreman: ForemanName;
  until_ms: number;
  /** When the foreman asked last. */
  seen_ms: number;
}

/** When the task was put, and who keeps room for it or did last. */
export async function findKeptRoom(
  db: Connection,
  task: number,
): Promise<{ createdMs: number; kept: KeptRoom | undefined }> {
  const row = await db.get<{ created_ms: number } & { [Key in keyof KeptRoom]: KeptRoom[Key] | null }>(
    `select created_ms, task, kept_rooms.holder, kept_rooms.foreman, until_ms, seen_ms
     from tasks left join kept_rooms on task = number where number = :task`,
    { task },
  );
  if (row === undefined) return { createdMs: Infinity, kept: undefined };
  const { created_ms: createdMs, ...kept } = row;
  return { createdMs, kept: kept.task === null ? undefined : (kept as KeptRoom) };
}

export async function writeKeptRoom(db: Connection, kept: KeptRoom): Promise<void> {
  await db.run(`delete from kept_rooms where task in (select number from tasks where state <> 'pending'
    and number in (select task from kept_rooms))`);
  await db.run(
    `insert into kept_rooms (task, holder, foreman, until_ms, seen_ms) values (:task, :holder, :foreman, :until_ms, :seen_ms)
     on conflict (task) do update set holder = excluded.holder, foreman = excluded.foreman,
     until_ms = excluded.until_ms, seen_ms = excluded.seen_ms`,
    { ...kept },
  );
}

/** Those of tasks that wait and that foremen may still keep. */
export async function keptRooms(db: Connection, now: number): Promise<KeptRoom[]> {
  return await db.all<KeptRoom>(
    `select task, kept_rooms.holder, kept_rooms.foreman, until_ms, seen_ms from kept_rooms
     join tasks on number = task where state = 'pending' and until_ms > :now order by task`,
    { now },
  );
}
