/** Who may do what: the original's permissions and the groups its `migrate` makes. */

export const PERMISSIONS = {
  'blob.add_reference': 'upload bytes and make references',
  'blob.view_reference': "read other users' references",
  'blob.view_blob': 'make references to bytes the server already has, by hash',
  'task.add_task': 'put tasks',
  'task.view_task': "read other users' tasks",
  'task.process_task': 'take tasks from the queue and hand in results',
  'task.view_result': "read other users' results",
} as const;

export type Permission = keyof typeof PERMISSIONS;

/** A group is a named set of permissions. */
export const GROUPS = {
  clients: ['task.add_task', 'blob.add_reference', 'blob.view_reference', 'blob.view_blob'],
  processors: ['task.process_task', 'blob.add_reference', 'blob.view_reference', 'blob.view_blob'],
  inspectors: ['blob.view_reference', 'blob.view_blob', 'task.view_task', 'task.view_result'],
} as const satisfies Record<string, readonly Permission[]>;

export type Group = keyof typeof GROUPS;
export const GROUP_NAMES = Object.keys(GROUPS) as readonly Group[];

/** All that members of the groups may do. */
export function permissionsOf(groups: readonly Group[]): ReadonlySet<Permission> {
  return new Set(groups.flatMap((group) => [...GROUPS[group]]));
}
