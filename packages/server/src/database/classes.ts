/**
 * Request classes: pending tasks that ask for exactly the same share one row, so that choosing looks at as many rows
 * as there are different wishes, not as many as there are tasks.
 */
import { type Demand, LIMIT_NAMES, type Limits, type Task } from '@kolejka/protocol';
import type { Connection } from './open.ts';

export interface TaskClass extends Demand {
  id: number;
  requires: string[];
  exclusive: boolean;
}

interface ClassRow {
  id: number;
  image: string;
  requires: string;
  limits: string;
  exclusive: 0 | 1;
}

const COLUMNS = 'id, image, requires, limits, exclusive';

/** The number of the task's class. */
export function findOrMakeClass(db: Connection, task: Task): number {
  const requires = JSON.stringify([...new Set(task.requires)].toSorted());
  const limits = JSON.stringify(inOrder(task.limits));
  const exclusive = Number(task.exclusive);
  const key = JSON.stringify([task.image, requires, limits, exclusive]);
  const known = db.get<{ id: number }>('select id from classes where key = :key', { key });
  if (known !== undefined) return known.id;
  const made = db.get<{ id: number }>(
    `insert into classes (key, image, requires, limits, exclusive)
     values (:key, :image, :requires, :limits, :exclusive) returning id`,
    { key, image: task.image, requires, limits, exclusive },
  );
  return (made as { id: number }).id;
}

/** Every class that has pending tasks. */
export function classesWithPending(db: Connection): TaskClass[] {
  return db.all<ClassRow>(`select ${COLUMNS} from classes where pending > 0`).map(fromRow);
}

export function findClass(db: Connection, id: number): TaskClass | undefined {
  const row = db.get<ClassRow>(`select ${COLUMNS} from classes where id = :id`, { id });
  return row === undefined ? undefined : fromRow(row);
}

/** Classes with pending tasks that were held back until a moment after `from` and not after `to`. */
export function classesReadyBetween(db: Connection, from: number, to: number): number[] {
  return db
    .all<{ class: number }>(
      `select distinct class from tasks where state = 'pending' and not_before_ms > 0
       and not_before_ms > :from and not_before_ms <= :to`,
      { from, to },
    )
    .map((row) => row.class);
}

function fromRow({ id, image, requires, limits, exclusive }: ClassRow): TaskClass {
  return {
    id,
    image,
    requires: JSON.parse(requires) as string[],
    limits: JSON.parse(limits) as Limits,
    exclusive: exclusive === 1,
  };
}

function inOrder(limits: Limits): Record<string, unknown> {
  return Object.fromEntries(
    LIMIT_NAMES.filter((name) => limits[name] !== undefined).map((name) => [name, limits[name]]),
  );
}
