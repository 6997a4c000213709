/**
 * Who calls, and what is theirs.
 *
 * Processes in a task group or below belong to that task: they share its sessions, whose groups are made beside the
 * container's. All others on the node are told apart by their user.
 */
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import { type Cgroups, findTask, OUTSIDE } from './cgroup/index.ts';
import { isAlive, type Peer } from './peer.ts';

export interface Caller {
  readonly peer: Peer;
  /** Callers of one scope can use each other's sessions, with the secret. */
  readonly scope: string;
  /**
   * Group below which a session of the caller is made: that of the session it is in, so that nobody leaves the limits
   * and measurements of a session by opening another; else that of the task.
   */
  readonly place: string;
}

export const SESSION_PREFIX = 'kolejka_observer_';

export function sessionGroup(place: string, id: string): string {
  return path.join(place, `${SESSION_PREFIX}${id}`);
}

/**
 * The caller as it is now, for processes move between requests.
 * @throws GridError `foreign-process` when the process that connected is gone
 */
export function callerOf(peer: Peer, cgroups: Cgroups): Caller {
  const group = cgroups.pathOf(peer.pid);
  // In this order: had the pid gone to another process before the path was read, it shows now.
  if (group === undefined || !isAlive(peer)) {
    throw new GridError('foreign-process', `The process ${peer.pid} that opened this connection is gone.`);
  }
  return { peer, ...placeOf(group, peer.uid) };
}

/** @param group path of a group; @param uid user whose process is in it */
export function placeOf(group: string, uid: number): { scope: string; place: string } {
  const task = findTask(group);
  const outer = task ?? OUTSIDE;
  const below = isWithin(group, outer) ? group.slice(outer.length).split('/') : [];
  const deepest = below.findLastIndex((name) => name.startsWith(SESSION_PREFIX));
  const place = path.join(outer, ...below.slice(0, deepest + 1));
  return { scope: task ?? `${outer} of user ${uid}`, place };
}

/** Is the group the place itself or below it? */
export function isWithin(group: string, place: string): boolean {
  return group === place || group.startsWith(`${place}/`);
}
