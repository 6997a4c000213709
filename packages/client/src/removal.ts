/** Removing what is on the server: tasks, results, references. What is not there need not be removed. */
import { GridError, type RouteAnswer, TaskId } from '@kolejka/protocol';
import type { Connection } from './connection.ts';

interface Signalled {
  signal?: AbortSignal | undefined;
}

/** Removes a task and its result; answers false when there was none. @throws GridError `not-permitted` */
export function deleteTask(connection: Connection, id: string, { signal }: Signalled = {}): Promise<boolean> {
  return isDeleted(id, () =>
    connection.call('deleteTask', { params: { id }, ...(signal !== undefined && { signal }) }),
  );
}

/** Removes the result of a task; answers false when there was none. @throws GridError `task-unknown`, `not-permitted` */
export function deleteResult(connection: Connection, id: string, { signal }: Signalled = {}): Promise<boolean> {
  return isDeleted(id, () =>
    connection.call('deleteResult', { params: { id }, ...(signal !== undefined && { signal }) }),
  );
}

/** Gives a reference up; answers false when there was none. @throws GridError `not-permitted` */
export function deleteBlob(connection: Connection, key: string, { signal }: Signalled = {}): Promise<boolean> {
  return isDeleted(key, () =>
    connection.call('deleteReference', { params: { key }, ...(signal !== undefined && { signal }) }),
  );
}

/** As in the original, what is not there is as good as removed; so is what cannot be an identifier at all. */
async function isDeleted(id: string, call: () => Promise<RouteAnswer<'deleteTask'>>): Promise<boolean> {
  // All three are 32 hexadecimal digits.
  if (!TaskId.safeParse(id).success) return false;
  try {
    await call();
    return true;
  } catch (thrown) {
    if (thrown instanceof GridError && thrown.code === 'not-found') return false;
    throw thrown;
  }
}
