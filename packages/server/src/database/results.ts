/** Results: at most one per task. */
import type { Connection } from './store.ts';

export interface ResultRow {
  task: number;
  attempt: number;
  holder: number;
  /** The result as it is answered, JSON. */
  body: string;
}

export async function findResult(db: Connection, task: number): Promise<ResultRow | undefined> {
  return await db.get<ResultRow>('select task, attempt, holder, body from results where task = :task', { task });
}

/** Stores the result; there must be none. */
export async function insertResult(db: Connection, result: ResultRow, now: number): Promise<void> {
  await db.run(
    `insert into results (task, attempt, holder, body, created_ms) values (:task, :attempt, :holder, :body, :now)`,
    { ...result, now },
  );
}

/** The result as its JSON. */
export function bodyOfResult(row: ResultRow): Record<string, unknown> {
  return JSON.parse(row.body) as Record<string, unknown>;
}
