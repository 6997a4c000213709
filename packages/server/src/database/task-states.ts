/** How tasks stand, for lists and for whoever asks what became of one. */
import type { ForemanName, State, TaskId, TaskState } from '@kolejka/protocol';
import { printTime } from './print-time.ts';
import type { Connection, Values } from './store.ts';

interface StateRow {
  number: number;
  id: TaskId;
  state: State;
  image: string;
  owner: string;
  priority: number;
  attempt: number;
  losses: number;
  holder: string | null;
  foreman: ForemanName | null;
  running: 0 | 1;
  result: 0 | 1;
  created_ms: number;
  changed_ms: number;
  assigned_ms: number | null;
  not_before_ms: number;
  expires_ms: number | null;
}

const SELECT = `select tasks.number, tasks.id, tasks.state, classes.image, owners.name as owner, queues.priority,
    tasks.attempt, tasks.losses, holders.name as holder, tasks.foreman, tasks.running,
    case when exists (select 1 from results where results.task = tasks.number) then 1 else 0 end as result,
    tasks.created_ms, tasks.changed_ms, tasks.assigned_ms, tasks.not_before_ms, tasks.expires_ms
  from tasks join classes on classes.id = tasks.class join queues on queues.id = tasks.queue
    join users as owners on owners.id = tasks.owner left join users as holders on holders.id = tasks.holder`;

export async function stateOfTask(db: Connection, number: number): Promise<TaskState> {
  const row = await db.get<StateRow>(`${SELECT} where tasks.number = :number`, { number });
  return printState(row as StateRow);
}

/** Which tasks a list shows; what is undefined does not matter. */
export interface Wanted {
  /** Number of the user whose tasks. */
  owner?: number | undefined;
  state?: State | undefined;
  image?: string | undefined;
  /** When they were put, in milliseconds of the calendar. */
  since?: number | undefined;
  before?: number | undefined;
  /** A foreman has it or had it, and it does not wait again. */
  assigned?: boolean | undefined;
  /** There is a result. */
  resolved?: boolean | undefined;
}

export interface Page {
  tasks: TaskState[];
  /** Where the next page begins; null when there is nothing left to look at. */
  next: number | null;
}

/** Most tasks that are looked at for one page: who asks for what is rare gets short pages, nobody waits for it. */
const LOOKED_AT = 10_000;

/** Tasks with a number below `cursor`, the newest first. */
export async function listTasks(
  db: Connection,
  wanted: Wanted,
  { cursor = Number.MAX_SAFE_INTEGER, most }: { cursor?: number | undefined; most: number },
): Promise<Page> {
  const oldest = await oldestLookedAt(db, wanted.owner, cursor);
  const values: Values = { cursor, oldest: oldest ?? 0, most };
  const where = ['tasks.number < :cursor', 'tasks.number >= :oldest'];
  for (const [name, condition] of Object.entries(CONDITIONS)) {
    const value = wanted[name as keyof Wanted];
    if (value === undefined) continue;
    where.push(condition);
    values[name] = typeof value === 'boolean' ? Number(value) : value;
  }
  const rows = await db.all<StateRow>(
    `${SELECT} where ${where.join(' and ')} order by tasks.number desc limit :most`,
    values,
  );
  const isFull = rows.length === most;
  return { tasks: rows.map(printState), next: (isFull ? rows.at(-1)?.number : oldest) ?? null };
}

const CONDITIONS: Record<keyof Wanted, string> = {
  owner: 'tasks.owner = :owner',
  state: 'tasks.state = :state',
  image: 'classes.image = :image',
  since: 'tasks.created_ms >= :since',
  before: 'tasks.created_ms < :before',
  assigned: `(case when tasks.holder is not null and tasks.state not in ('waiting', 'pending') then 1 else 0 end)
    = :assigned`,
  resolved:
    '(case when exists (select 1 from results where results.task = tasks.number) then 1 else 0 end) = :resolved',
};

/** The last one that this page may look at, where there are more. */
async function oldestLookedAt(db: Connection, owner: number | undefined, cursor: number): Promise<number | undefined> {
  const whose = owner === undefined ? '' : 'and owner = :owner';
  const row = await db.get<{ number: number }>(
    `select number from tasks where number < :cursor ${whose} order by number desc limit 1 offset ${LOOKED_AT - 1}`,
    { cursor, ...(owner !== undefined && { owner }) },
  );
  return row?.number;
}

function printState(row: StateRow): TaskState {
  const { id, state, image, owner, priority, attempt, losses, holder, foreman } = row;
  const isPending = state === 'pending' || state === 'waiting';
  return {
    id,
    state,
    image,
    owner,
    priority,
    attempt,
    losses,
    holder,
    foreman,
    running: row.running === 1,
    result: row.result === 1,
    time_create: printTime(row.created_ms),
    time_change: printTime(row.changed_ms),
    time_assign: row.assigned_ms === null ? null : printTime(row.assigned_ms),
    time_ready: isPending && row.not_before_ms > 0 ? printTime(row.not_before_ms) : null,
    time_expire: state === 'assigned' && row.expires_ms !== null ? printTime(row.expires_ms) : null,
  };
}
