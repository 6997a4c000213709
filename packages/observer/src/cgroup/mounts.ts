/** Where the hierarchies of control groups are mounted on this machine. */
import path from 'node:path';
import { readFile } from './files.ts';

/** One mounted hierarchy. */
export interface Hierarchy {
  version: 1 | 2;
  /** Names of its v1 controllers; empty for v2 and for named hierarchies. */
  controllers: readonly string[];
  /** Directory of its topmost group that we can see. */
  directory: string;
  /** Path of that group as the kernel names it; `/` but in containers. */
  root: string;
}

/** What /proc/PID/mountinfo says, in its order. See proc_pid_mountinfo(5). */
export function readHierarchies(text: string = readFile('/proc/self/mountinfo') ?? ''): Hierarchy[] {
  return text.split('\n').flatMap((line): Hierarchy[] => {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , , root = '/', directory = ''] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    if (type === 'cgroup2') return [{ version: 2, controllers: [], directory, root }];
    if (type !== 'cgroup') return [];
    const controllers = options.split(',').filter((option) => /^[a-z_]+$/.test(option) && !MOUNT_FLAGS.has(option));
    return [{ version: 1, controllers, directory, root }];
  });
}

/** Options of a v1 mount that are no controllers. */
const MOUNT_FLAGS: ReadonlySet<string> = new Set(['rw', 'ro', 'xattr', 'clone_children', 'noprefix', 'none']);

/** Where a process is, as the kernel says it at one moment; undefined when it is gone. See proc_pid_cgroup(5). */
export function groupsOf(pid: number): string | undefined {
  return readFile(`/proc/${pid}/cgroup`);
}

/**
 * The path in a hierarchy, below its visible root; undefined when it is outside.
 * @param groups what `groupsOf` says
 * @param controller of v1; undefined asks for v2
 */
export function pathInHierarchy(groups: string, hierarchy: Hierarchy, controller?: string): string | undefined {
  for (const line of groups.split('\n')) {
    const [, id, names, found] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    const fits = controller === undefined ? id === '0' : (names ?? '').split(',').includes(controller);
    if (!fits || found === undefined) continue;
    const below = path.posix.relative(hierarchy.root, found);
    return below.startsWith('..') ? undefined : `/${below}`;
  }
  return undefined;
}
