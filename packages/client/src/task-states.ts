/** How tasks stand, on a server of ours: list, state, cancel. */
import type { State, TaskState } from '@kolejka/protocol';
import { type Connection, explained, unknownSentence } from './connection.ts';

export interface ListOptions {
  state?: State | undefined;
  /** Name of the user whose tasks; without, one's own, or all for those who may see them. */
  user?: string | undefined;
  image?: string | undefined;
  /** Put at this moment or after it; before this one. */
  since?: Date | undefined;
  before?: Date | undefined;
  signal?: AbortSignal | undefined;
}

/** Tasks that one request answers. */
const PAGE = 500;

/**
 * Tasks, the newest first; asked for page by page, as they are taken.
 * @throws GridError `not-permitted`, `not-found`: no such user
 */
export async function* listTasks(connection: Connection, options: ListOptions = {}): AsyncGenerator<TaskState, void> {
  const { state, user, image, since, before, signal } = options;
  const given = { state, user, image, since: since?.toISOString(), before: before?.toISOString() };
  const filter = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  for (let cursor: number | null | undefined; cursor !== null; ) {
    const query = { ...Object.fromEntries(filter), most: PAGE, ...(cursor !== undefined && { cursor }) };
    const page = await connection.call('listTasks', { query, ...(signal !== undefined && { signal }) });
    yield* page.tasks;
    cursor = page.next;
  }
}

/** How the task stands. @throws GridError `not-found` */
export async function taskState(connection: Connection, id: string, signal?: AbortSignal): Promise<TaskState> {
  const unknown = unknownSentence(connection, 'task', id);
  const call = connection.call('taskState', { params: { id }, ...(signal !== undefined && { signal }) });
  return (await explained(call, { 'not-found': unknown })).task;
}

/** Cancels the task; answers how it stands then. @throws GridError `not-found`, `already-ended` */
export async function cancelTask(connection: Connection, id: string, signal?: AbortSignal): Promise<TaskState> {
  const unknown = unknownSentence(connection, 'task', id);
  const call = connection.call('cancelTask', { params: { id }, ...(signal !== undefined && { signal }) });
  return (await explained(call, { 'not-found': unknown })).task;
}
