/**
 * Request classes: tasks that ask for exactly the same share one row, so that whether they fit is decided once for all
 * of them. A class never changes, so what was read of it is kept.
 */
import { hash } from 'node:crypto';
import { type Demand, familiarImage, LIMIT_NAMES, type Limits, type Task } from '@kolejka/protocol';
import type { Connection } from './store.ts';

export interface TaskClass extends Demand {
  id: number;
  /** The image in the spelling that foremen say what they have in. */
  familiarImage: string;
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
export async function findOrMakeClass(db: Connection, task: Task): Promise<number> {
  const wishes = {
    image: task.image,
    requires: JSON.stringify([...new Set(task.requires)].toSorted()),
    limits: JSON.stringify(inOrder(task.limits)),
    exclusive: Number(task.exclusive),
  };
  // A hash: an index of PostgreSQL has no room for a long text.
  const key = hash('sha256', JSON.stringify(Object.values(wishes)));
  const known = await db.get<{ id: number }>('select id from classes where key = :key', { key });
  if (known !== undefined) return known.id;
  const made = await db.get<{ id: number }>(
    `insert into classes (key, image, requires, limits, exclusive, cores)
     values (:key, :image, :requires, :limits, :exclusive, :cores) returning id`,
    { ...wishes, key, cores: coresOf(task) },
  );
  return (made as { id: number }).id;
}

/** @throws when there is no such class */
async function readClass(db: Connection, id: number): Promise<TaskClass> {
  const row = (await db.get<ClassRow>(`select ${COLUMNS} from classes where id = :id`, { id })) as ClassRow;
  const { image, requires, limits, exclusive } = row;
  return {
    id,
    image,
    familiarImage: familiarImage(image),
    requires: JSON.parse(requires) as string[],
    limits: JSON.parse(limits) as Limits,
    exclusive: exclusive === 1,
  };
}

/** More than a node has. Times the seconds since 1970, thousands of such tasks are still counted exactly. */
const MOST_CORES = 1024;

/** Cores a task asks for, as fair share counts them: one, when it does not say. */
export function coresOf({ limits }: Pick<Demand, 'limits'>): number {
  return Math.min(MOST_CORES, Math.max(1, limits.cpus ?? 1));
}

/**
 * What is known of classes, so that none is read and parsed again. Inside a write something may be read that is never
 * committed, and its number given to another class; so what a page has read is known to others only once it is kept.
 */
export interface ClassBook {
  open(): ClassPage;
}

export interface ClassPage {
  find(db: Connection, id: number): Promise<TaskClass>;
  /** To be called when what was read is committed. */
  keep(): void;
}

/** So many classes in use at once are many times more than any grid has seen. */
const MOST_KNOWN = 50_000;

export function openClassBook(): ClassBook {
  const known = new Map<number, TaskClass>();
  return {
    open() {
      const read = new Map<number, TaskClass>();
      return {
        async find(db, id) {
          const found = known.get(id) ?? read.get(id) ?? (await readClass(db, id));
          if (!known.has(id)) read.set(id, found);
          return found;
        },
        keep() {
          if (known.size + read.size > MOST_KNOWN) known.clear();
          for (const [id, found] of read) known.set(id, found);
          read.clear();
        },
      };
    },
  };
}

function inOrder(limits: Limits): Record<string, unknown> {
  return Object.fromEntries(
    LIMIT_NAMES.filter((name) => limits[name] !== undefined).map((name) => [name, limits[name]]),
  );
}
