/** What must be so at the end of every history, whatever went wrong in it. */
import { FINAL_STATES, LEASES, move, MOVES, type MoveName, type State, type TaskId } from '@kolejka/protocol';
import type { Store } from '../../packages/server/src/database/store.ts';
import type { Behaviour } from './foreman.ts';
import type { SimulatedGrid } from './grid.ts';

export interface TaskRecord {
  id: TaskId;
  state: State;
  events: { event: string; attempt: number }[];
  results: { attempt: number; exit: unknown }[];
}

/** Tasks as the database has them. */
export async function readRecords(store: Store): Promise<TaskRecord[]> {
  return await store.read(async (db) => {
    const tasks = await db.all<{ number: number; id: TaskId; state: State }>('select number, id, state from tasks');
    const events = await db.all<{ task: number; event: string; attempt: number }>(
      'select task, event, attempt from events order by number',
    );
    const results = await db.all<{ task: number; attempt: number; body: string }>(
      'select task, attempt, body from results',
    );
    return tasks.map(({ number, id, state }) => ({
      id,
      state,
      events: events.filter(({ task }) => task === number),
      results: results
        .filter(({ task }) => task === number)
        .map(({ attempt, body }) => ({ attempt, exit: (JSON.parse(body) as { result?: unknown }).result })),
    }));
  });
}

/** One sentence for each thing that is wrong. */
export function findViolations(grid: SimulatedGrid, records: readonly TaskRecord[]): string[] {
  const known = new Map(records.map((record) => [record.id, record]));
  const found = records.flatMap((record) => violationsOf(record, grid.tasks.get(record.id)));
  for (const id of grid.tasks.keys()) if (!known.has(id)) found.push(`${id} was put and is not there`);
  for (const { task, attempt } of grid.promised.results) {
    if (known.get(task)?.results[0]?.attempt !== attempt) {
      found.push(`${task}: the result of attempt ${attempt} was accepted and is not there`);
    }
  }
  for (const id of grid.promised.cancelled) {
    if (known.get(id)?.state !== 'cancelled') found.push(`${id} was cancelled and is ${known.get(id)?.state}`);
  }
  return found;
}

function violationsOf({ id, state, events, results }: TaskRecord, behaviour: Behaviour | undefined): string[] {
  const found = [...violationsOfLife(id, state, events)];
  const losses = events.filter(({ event }) => event === 'lost' || event === 'failed').length;
  if (!FINAL_STATES.includes(state)) found.push(`${id} is ${state} for ever`);
  if (results.length !== Number(state === 'resolved')) found.push(`${id} is ${state} with ${results.length} results`);
  if (state === 'failed' && losses !== LEASES.losses) found.push(`${id} failed after ${losses} losses`);
  if (losses > LEASES.losses) found.push(`${id} was lost ${losses} times`);
  if (behaviour?.isPoison === true && state === 'resolved') found.push(`${id} kills its foremen and is resolved`);
  for (const { exit } of results) {
    if (exit !== behaviour?.exit) found.push(`${id} came to ${String(exit)} and not to ${behaviour?.exit}`);
  }
  return found;
}

/** The events must be moves of the table, one after the other, and attempts must grow by one. */
function violationsOfLife(id: TaskId, state: State, events: TaskRecord['events']): string[] {
  let now: State | undefined;
  let last = 0;
  for (const { event, attempt } of events) {
    try {
      now = now === undefined ? MOVES.created.to : move(now, event as MoveName);
    } catch (error) {
      return [`${id}: ${(error as Error).message}`];
    }
    if (attempt !== (event === 'assigned' ? last + 1 : last)) return [`${id}: ${event} under attempt ${attempt}`];
    last = attempt;
  }
  return now === state ? [] : [`${id} is ${state}, its events end with ${now}`];
}
