/**
 * A process that a request names in place of its caller.
 *
 * Who connects is known from the socket; who is named is looked for among what the caller could have made or ended
 * itself, so that naming gives nobody more than they had: a process of the same task, wholly of the caller's user (root
 * may name any), and when the caller is in a session, in that session too.
 */
import { readlinkSync } from 'node:fs';
import { GridError } from '@kolejka/protocol';
import { type Caller, isWithin, placeOf } from './caller.ts';
import { type Cgroups, findTask } from './cgroup/index.ts';
import { isAlive, type Peer, processOf, statusOf } from './peer.ts';

/**
 * The named process as a caller of the asking one's scope.
 * @param pid its number in the pid namespace of the asking process
 * @throws GridError `foreign-process`, the same for one that is not there and one that is not to be named
 */
export function namedProcess(asking: Caller, pid: number, cgroups: Cgroups): Caller {
  const { uid } = asking.peer;
  for (const candidate of candidatesFor(asking, pid, cgroups)) {
    const peer = processOf(candidate, uid === 0 ? undefined : uid);
    if (peer === undefined || !isCalled(peer, asking, pid)) continue;
    const group = cgroups.pathOf(peer.pid);
    if (group === undefined) continue;
    const { scope, place } = placeOf(group, uid);
    // In this order: had a pid gone to another process before its group was read, it shows now.
    const areAlive = isAlive(peer) && isAlive(asking.peer);
    const isTheirs = scope === asking.scope && isWithin(place, asking.place);
    // Whoever it runs as, what is done for it is of the asking user.
    if (isTheirs && areAlive) return { peer: { ...peer, uid }, scope, place };
  }
  throw new GridError('foreign-process', `There is no process ${pid} of your task and user, and below your session.`);
}

/** Processes that the asking one may mean, by the numbers that they have for us. */
function candidatesFor(asking: Caller, pid: number, cgroups: Cgroups): number[] {
  if (isInOurNamespace(asking)) return [pid];
  const group = cgroups.pathOf(asking.peer.pid) ?? asking.place;
  return cgroups.open(findTask(group) ?? group).processes();
}

/** Has the process the number `pid` in the innermost pid namespace of the asking one? */
function isCalled(process: Peer, asking: Caller, pid: number): boolean {
  if (isInOurNamespace(asking)) return process.pid === pid;
  // Of all its namespaces, the innermost last; see proc_pid_status(5).
  const numbers = /^NSpid:\s+(.*)$/m.exec(statusOf(process.pid))?.[1]?.split('\t') ?? [];
  return numbers.at(-1) === String(pid) && namespaceOf(process.pid) === namespaceOf(asking.peer.pid);
}

function isInOurNamespace({ peer }: Caller): boolean {
  return namespaceOf(peer.pid) === namespaceOf('self');
}

function namespaceOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    // It is gone.
    return undefined;
  }
}
