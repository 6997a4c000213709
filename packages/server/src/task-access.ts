/** Who may see and change which task. */
import { GridError, type Permission, type TaskId } from '@kolejka/protocol';
import type { TaskRow } from './database/tasks.ts';
import type { User } from './parts.ts';

/**
 * The task, for its owner, for the foreman that has it or had it last, as in the original, and for inspectors.
 * @throws GridError `not-found`, `not-permitted`
 */
export function visibleTask(row: TaskRow | undefined, id: TaskId, user: User): TaskRow {
  const task = known(row, id);
  if (task.holder === user.id) return task;
  return ownTask(task, id, user, 'task.view_task');
}

/**
 * The task, for its owner and for those who have the permission.
 * @throws GridError `not-found`, `not-permitted`
 */
export function ownTask(row: TaskRow | undefined, id: TaskId, user: User, permission: Permission): TaskRow {
  const task = known(row, id);
  if (task.owner === user.id || user.permissions.has(permission)) return task;
  throw new GridError('not-permitted', 'This task is of another user.');
}

function known(row: TaskRow | undefined, id: TaskId): TaskRow {
  if (row === undefined) throw new GridError('not-found', `There is no task ${id}.`);
  return row;
}
