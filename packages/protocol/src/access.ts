/**
 * Who may do what: the original's permissions, and the groups its `migrate` makes. Everybody may do what they like with
 * what is their own; permissions are for what belongs to others.
 */

export const PERMISSIONS = {
  'blob.add_reference': 'upload bytes and make references',
  'blob.view_reference': "read other users' references",
  'blob.view_blob': 'make references to bytes the server already has, by hash',
  'blob.delete_reference': "delete other users' references",
  'blob.delete_blob': 'delete bytes with all references to them',
  'task.add_task': 'put tasks',
  'task.view_task': "read and watch other users' tasks",
  'task.delete_task': "cancel and delete other users' tasks",
  'task.raise_priority': 'put tasks that go before those of others',
  'task.process_task': 'take tasks from the queue and hand in results',
  'task.add_result': 'hand in results of tasks that others have taken',
  'task.view_result': "read other users' results",
  'task.delete_result': "delete other users' results",
} as const;

export type Permission = keyof typeof PERMISSIONS;

/**
 * A group is a named set of permissions. In the original clients and processors may also read all references
 * (`blob.view_reference`), and so every file of every other user; here each reads what is its own, and a foreman the
 * files of the tasks it holds.
 */
export const GROUPS = {
  clients: ['task.add_task', 'blob.add_reference', 'blob.view_blob'],
  processors: ['task.process_task', 'blob.add_reference', 'blob.view_blob'],
  inspectors: ['blob.view_reference', 'blob.view_blob', 'task.view_task', 'task.view_result'],
  managers: [
    'blob.view_reference',
    'blob.view_blob',
    'task.view_task',
    'task.view_result',
    'blob.delete_reference',
    'blob.delete_blob',
    'task.delete_task',
    'task.delete_result',
    'task.raise_priority',
  ],
  /** In the original a mark on the user, not a group; to whoever adds a user it is one more. */
  superuser: Object.keys(PERMISSIONS) as Permission[],
} as const satisfies Record<string, readonly Permission[]>;

export type Group = keyof typeof GROUPS;
export const GROUP_NAMES = Object.keys(GROUPS) as readonly Group[];

/** All that members of the groups may do. */
export function permissionsOf(groups: readonly Group[]): ReadonlySet<Permission> {
  return new Set(groups.flatMap((group) => [...GROUPS[group]]));
}
