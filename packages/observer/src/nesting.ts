/**
 * Sessions inside sessions: how deep, and how many. Counted here, because v1 has no limit of the kernel for it, and on
 * v2 a group that sessions share would count `kolejka_own` too.
 */
import { GridError } from '@kolejka/protocol';
import { isWithin, SESSION_PREFIX } from './caller.ts';
import type { Session } from './session.ts';

/** Each level adds to the path of its groups, which the kernel takes only so long. */
const DEEPEST = 8;

/** Refuses a session at a place that is too deep, or in a session that may have no more. @throws GridError `too-many-sessions` */
export function refuseNesting(place: string, sessions: Iterable<Session>): void {
  if (levelsOf(place) >= DEEPEST) {
    throw new GridError('too-many-sessions', `A session can be opened at most ${DEEPEST} levels deep.`);
  }
  const all = [...sessions];
  for (const { group, limits } of all) {
    if (!isWithin(place, group.path)) continue;
    const { cgroup_depth: depth = Infinity, cgroup_descendants: most = Infinity } = limits;
    const levels = levelsOf(place) - levelsOf(group.path) + 1;
    const below = all.filter((other) => other.group !== group && isWithin(other.group.path, group.path)).length;
    if (levels > depth) throw refusal('cgroup_depth', depth);
    if (below >= most) throw refusal('cgroup_descendants', most);
  }
}

function refusal(limit: string, value: number): GridError {
  return new GridError('too-many-sessions', `The session you are in has the limit ${limit} = ${value}.`);
}

/** In how many sessions, one inside the other, a group is. */
function levelsOf(place: string): number {
  return place.split('/').filter((name) => name.startsWith(SESSION_PREFIX)).length;
}
