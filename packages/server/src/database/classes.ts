/**
 * Request classes: pending tasks that ask for exactly the same share one row, so that choosing looks at as many rows
 * as there are different wishes, not as many as there are tasks.
 */
import { type Demand, LIMIT_NAMES, type Limits, type Task } from '@kolejka/protocol';
import type { Connection } from './store.ts';

export interface TaskClass extends Demand {
  id: number;
  requires: string[];
  exclusive: boolean;
}

interface ClassRow {
  id: number;
  key: string;
}

/** The number of the task's class. */
export async function findOrMakeClass(db: Connection, task: Task): Promise<number> {
  const requires = JSON.stringify([...new Set(task.requires)].toSorted());
  const limits = JSON.stringify(inOrder(task.limits));
  const exclusive = Number(task.exclusive);
  const key = JSON.stringify([task.image, requires, limits, exclusive]);
  const known = await db.get<{ id: number }>('select id from classes where key = :key', { key });
  if (known !== undefined) return known.id;
  const made = await db.get<{ id: number }>(
    `insert into classes (key, image, requires, limits, exclusive)
     values (:key, :image, :requires, :limits, :exclusive) returning id`,
    { key, image: task.image, requires, limits, exclusive },
  );
  return (made as { id: number }).id;
}

/** Every class that has pending tasks. */
export async function classesWithPending(db: Connection): Promise<TaskClass[]> {
  return (await db.all<ClassRow>('select id, key from classes where pending > 0')).map(fromRow);
}

export async function findClass(db: Connection, id: number): Promise<TaskClass | undefined> {
  const row = await db.get<ClassRow>('select id, key from classes where id = :id', { id });
  return row === undefined ? undefined : fromRow(row);
}

/** Classes with pending tasks that were held back until a moment after `from` and not after `to`. */
export async function classesReadyBetween(db: Connection, from: number, to: number): Promise<number[]> {
  const rows = await db.all<{ class: number }>(
    `select distinct class from tasks where state = 'pending' and not_before_ms > 0
       and not_before_ms > :from and not_before_ms <= :to`,
    { from, to },
  );
  return rows.map((row) => row.class);
}

type Wishes = Omit<TaskClass, 'id'>;

/** What the keys that were read of late say. A key never means anything else, so none is ever parsed again. */
const parsed = new Map<string, Wishes>();
/** So many classes in use at once are many times more than any grid has seen. */
const MOST_PARSED = 50_000;

function fromRow({ id, key }: ClassRow): TaskClass {
  const known = parsed.get(key);
  if (known !== undefined) return { id, ...known };
  const [image, requires, limits, exclusive] = JSON.parse(key) as [string, string, string, 0 | 1];
  const wishes = {
    image,
    requires: JSON.parse(requires) as string[],
    limits: JSON.parse(limits) as Limits,
    exclusive: exclusive === 1,
  };
  if (parsed.size >= MOST_PARSED) parsed.clear();
  parsed.set(key, wishes);
  return { id, ...wishes };
}

function inOrder(limits: Limits): Record<string, unknown> {
  return Object.fromEntries(
    LIMIT_NAMES.filter((name) => limits[name] !== undefined).map((name) => [name, limits[name]]),
  );
}
